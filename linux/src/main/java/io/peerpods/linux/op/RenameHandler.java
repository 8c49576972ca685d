package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.sys.Errno;
import java.util.Optional;

/** {@link Op.Rename}. */
record RenameHandler(Op.Rename op) implements OpHandler {

    @Override
    public JsonObject before(OpContext context) {
        return OpHandler.memory(
                context.find(op.ns()).isPresent() && difference(context).isEmpty());
    }

    @Override
    public Optional<String> difference(OpContext context) {
        Optional<OpenNamespace> namespace = context.find(op.ns());
        if (namespace.flatMap(there -> there.link(op.name())).isEmpty()) {
            return Optional.of("there is no link of the new name");
        }
        return namespace.flatMap(there -> there.link(op.link())).isEmpty()
                ? Optional.empty()
                : Optional.of("there are links of both names");
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        OpenNamespace namespace = context.namespace(op.ns());
        rename(namespace, namespace.rtnl().requireLink(op.link()), op.name());
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        Optional<OpenNamespace> namespace = context.find(op.ns());
        if (OpCodec.flag(before, SO)
                || namespace.flatMap(there -> there.link(op.link())).isPresent()) {
            return;
        }
        namespace.flatMap(there -> there.link(op.name())).ifPresent(link -> rename(namespace.get(), link, op.link()));
    }

    /** Older kernels rename only a link that is down. */
    static void rename(OpenNamespace namespace, Link link, String name) {
        try {
            namespace.rtnl().change(link.index()).name(name).apply();
        } catch (LinuxException e) {
            if (e.errno() != Errno.EBUSY) {
                throw e;
            }
            namespace.rtnl().change(link.index()).up(false).apply();
            namespace.rtnl().change(link.index()).name(name).apply();
            namespace.rtnl().setUp(link.index());
        }
    }
}
