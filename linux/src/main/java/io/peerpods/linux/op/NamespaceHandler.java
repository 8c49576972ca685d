package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Link;
import java.nio.file.Path;
import java.util.Optional;

/** {@link Op.Namespace}. A crash can leave the file without the mount: making and removing both start from there too. */
record NamespaceHandler(Op.Namespace op) implements OpHandler {

    private Path path() {
        return Path.of(op.ns().path());
    }

    @Override
    public JsonObject before(OpContext context) {
        return OpHandler.memory(Netns.exists(path()));
    }

    @Override
    public Optional<String> difference(OpContext context) {
        if (!Netns.exists(path())) {
            return Optional.of("there is no such namespace");
        }
        return loopback(context).filter(Link::up).isPresent() ? Optional.empty() : Optional.of("lo is down");
    }

    private Optional<Link> loopback(OpContext context) {
        return context.namespace(op.ns()).link("lo");
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        if (!Netns.exists(path())) {
            context.forget(op.ns());
            Netns.create(path()).close();
        }
        context.namespace(op.ns()).rtnl().setUp(context.namespace(op.ns()).index("lo"));
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        if (!OpCodec.flag(before, SO)) {
            context.forget(op.ns());
            Netns.delete(path());
        }
    }
}
