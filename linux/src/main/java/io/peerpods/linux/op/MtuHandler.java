package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.netlink.Link;
import java.util.Optional;

/** {@link Op.Mtu}. */
record MtuHandler(Op.Mtu op) implements OpHandler {

    private static final String MTU = "mtu";

    private Optional<Link> link(OpContext context) {
        return context.find(op.ns()).flatMap(namespace -> namespace.link(op.link()));
    }

    @Override
    public JsonObject before(OpContext context) {
        JsonObject json = new JsonObject();
        link(context).ifPresent(link -> json.addProperty(MTU, link.mtu()));
        return json;
    }

    @Override
    public Optional<String> difference(OpContext context) {
        return link(context)
                .map(link -> link.mtu() == op.mtu() ? "" : "it is " + link.mtu())
                .or(() -> Optional.of("there is no such link"))
                .filter(text -> !text.isEmpty());
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        OpenNamespace namespace = context.namespace(op.ns());
        namespace.rtnl().change(namespace.index(op.link())).mtu(op.mtu()).apply();
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        int old = OpCodec.number(before, MTU);
        link(context)
                .filter(link -> old != 0 && old != op.mtu() && link.mtu() == op.mtu())
                .ifPresent(link -> context.namespace(op.ns())
                        .rtnl()
                        .change(link.index())
                        .mtu(old)
                        .apply());
    }
}
