package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.netlink.FdbEntry;
import io.peerpods.linux.netlink.Neighbour;
import java.util.Optional;

/** {@link Op.Fdb}. */
record FdbHandler(Op.Fdb op) implements OpHandler {

    private Optional<FdbEntry> find(OpContext context) {
        return context.find(op.ns())
                .flatMap(namespace -> namespace
                        .link(op.dev())
                        .flatMap(link -> namespace.rtnl().fdb(link.index()).stream()
                                .filter(this::isWanted)
                                .findFirst()));
    }

    private boolean isWanted(FdbEntry entry) {
        return entry.mac().equals(op.mac())
                && op.dst().equals(entry.destination())
                && entry.port() == op.port()
                && (entry.state() & Neighbour.PERMANENT) != 0;
    }

    @Override
    public JsonObject before(OpContext context) {
        return OpHandler.memory(find(context).isPresent());
    }

    @Override
    public Optional<String> difference(OpContext context) {
        return find(context).isPresent() ? Optional.empty() : Optional.of("there is no such entry");
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        OpenNamespace namespace = context.namespace(op.ns());
        namespace.rtnl().appendFdb(namespace.index(op.dev()), op.mac(), op.dst(), op.port());
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        if (!OpCodec.flag(before, SO)) {
            find(context)
                    .ifPresent(entry ->
                            context.namespace(op.ns()).rtnl().deleteFdb(entry.link(), op.mac(), op.dst(), op.port()));
        }
    }
}
