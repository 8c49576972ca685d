package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.sys.Errno;
import java.util.Optional;

/** {@link Op.Rename}. */
record RenameAct(Op.Rename op) implements Act {

    @Override
    public JsonObject before(Scene scene) {
        return Act.memory(scene.find(op.ns()).isPresent() && difference(scene).isEmpty());
    }

    @Override
    public Optional<String> difference(Scene scene) {
        Optional<Space> space = scene.find(op.ns());
        if (space.flatMap(there -> there.link(op.name())).isEmpty()) {
            return Optional.of("there is no link of the new name");
        }
        return space.flatMap(there -> there.link(op.link())).isEmpty()
                ? Optional.empty()
                : Optional.of("there are links of both names");
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        Space space = scene.space(op.ns());
        rename(space, space.rtnl().requireLink(op.link()), op.name());
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        Optional<Space> space = scene.find(op.ns());
        if (OpCodec.flag(before, SO)
                || space.flatMap(there -> there.link(op.link())).isPresent()) {
            return;
        }
        space.flatMap(there -> there.link(op.name())).ifPresent(link -> rename(space.get(), link, op.link()));
    }

    /** Older kernels rename only a link that is down. */
    static void rename(Space space, Link link, String name) {
        try {
            space.rtnl().change(link.index()).name(name).apply();
        } catch (LinuxException e) {
            if (e.errno() != Errno.EBUSY) {
                throw e;
            }
            space.rtnl().change(link.index()).up(false).apply();
            space.rtnl().change(link.index()).name(name).apply();
            space.rtnl().setUp(link.index());
        }
    }
}
