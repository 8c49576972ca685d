package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.netlink.Neighbour;
import java.util.Optional;

/** {@link Op.Neighbour}. Remembers another permanent entry; one that was learned comes back by itself. */
record NeighbourHandler(Op.Neighbour op) implements OpHandler {

    private static final String MAC = "mac";

    private Optional<Neighbour> find(OpContext context) {
        return context.find(op.ns())
                .flatMap(namespace -> namespace
                        .link(op.dev())
                        .flatMap(link -> namespace.rtnl().neighbours().stream()
                                .filter(entry -> entry.link() == link.index()
                                        && entry.ip().equals(op.ip()))
                                .filter(Neighbour::isPermanent)
                                .findFirst()));
    }

    @Override
    public JsonObject before(OpContext context) {
        JsonObject json = new JsonObject();
        find(context).ifPresent(entry -> {
            OpCodec.flag(json, SO, op.mac().equals(entry.mac()));
            OpCodec.text(json, MAC, entry.mac());
        });
        return json;
    }

    @Override
    public Optional<String> difference(OpContext context) {
        Optional<Neighbour> found = find(context);
        if (found.isEmpty()) {
            return Optional.of("there is no permanent entry");
        }
        return op.mac().equals(found.get().mac())
                ? Optional.empty()
                : Optional.of("it is at " + found.get().mac());
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        OpenNamespace namespace = context.namespace(op.ns());
        namespace.rtnl().putNeighbour(namespace.index(op.dev()), op.ip(), op.mac());
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        if (OpCodec.flag(before, SO)) {
            return;
        }
        MacAddress old = OpCodec.optional(before, MAC, MacAddress::of);
        find(context).filter(entry -> op.mac().equals(entry.mac())).ifPresent(entry -> {
            if (old == null) {
                context.namespace(op.ns()).rtnl().deleteNeighbour(entry.link(), op.ip());
            } else {
                context.namespace(op.ns()).rtnl().putNeighbour(entry.link(), op.ip(), old);
            }
        });
    }
}
