package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.netlink.LinkAddress;
import java.util.Optional;

/** {@link Op.Address}. */
record AddressHandler(Op.Address op) implements OpHandler {

    private Optional<LinkAddress> find(OpContext context) {
        return context.find(op.ns())
                .flatMap(namespace -> namespace
                        .link(op.link())
                        .flatMap(link -> namespace.rtnl().addresses().stream()
                                .filter(address -> address.index() == link.index())
                                .filter(address -> address.prefix().equals(op.prefix()))
                                .findFirst()));
    }

    private boolean isAsAsked(LinkAddress address) {
        return address.permanent() && address.connectedRoute() == op.connectedRoute();
    }

    @Override
    public JsonObject before(OpContext context) {
        return OpHandler.memory(find(context).isPresent());
    }

    @Override
    public Optional<String> difference(OpContext context) {
        Optional<LinkAddress> found = find(context);
        if (found.isEmpty()) {
            return Optional.of("the link does not have it");
        }
        return isAsAsked(found.get())
                ? Optional.empty()
                : Optional.of(found.get().permanent() ? "its connected route is not as asked" : "it has a lifetime");
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        OpenNamespace namespace = context.namespace(op.ns());
        int index = namespace.index(op.link());
        if (find(context).isPresent()) {
            namespace.rtnl().deleteAddress(index, op.prefix());
        }
        namespace.rtnl().addAddress(index, op.prefix(), op.connectedRoute());
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        if (!OpCodec.flag(before, SO)) {
            find(context)
                    .ifPresent(address ->
                            context.namespace(op.ns()).rtnl().deleteAddress(address.index(), address.prefix()));
        }
    }
}
