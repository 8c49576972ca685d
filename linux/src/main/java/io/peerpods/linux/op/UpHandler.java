package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.netlink.Link;
import java.util.Optional;

/** {@link Op.Up}. */
record UpHandler(Op.Up op) implements OpHandler {

    private static final String DOWN = "down";

    private Optional<Link> link(OpContext context) {
        return context.find(op.ns()).flatMap(namespace -> namespace.link(op.link()));
    }

    @Override
    public JsonObject before(OpContext context) {
        JsonObject json = new JsonObject();
        OpCodec.flag(json, DOWN, link(context).filter(link -> !link.up()).isPresent());
        return json;
    }

    @Override
    public Optional<String> difference(OpContext context) {
        return link(context)
                .map(link -> link.up() ? "" : "it is down")
                .or(() -> Optional.of("there is no such link"))
                .filter(text -> !text.isEmpty());
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        OpenNamespace namespace = context.namespace(op.ns());
        namespace.rtnl().setUp(namespace.index(op.link()));
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        if (OpCodec.flag(before, DOWN)) {
            link(context)
                    .filter(Link::up)
                    .ifPresent(link -> context.namespace(op.ns())
                            .rtnl()
                            .change(link.index())
                            .up(false)
                            .apply());
        }
    }
}
