package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Link;
import java.nio.file.Path;
import java.util.Optional;

/** {@link Op.Namespace}. A crash can leave the file without the mount: making and removing both start from there too. */
record NamespaceAct(Op.Namespace op) implements Act {

    private Path path() {
        return Path.of(op.ns().path());
    }

    @Override
    public JsonObject before(Scene scene) {
        return Act.memory(Netns.exists(path()));
    }

    @Override
    public Optional<String> difference(Scene scene) {
        if (!Netns.exists(path())) {
            return Optional.of("there is no such namespace");
        }
        return loopback(scene).filter(Link::up).isPresent() ? Optional.empty() : Optional.of("lo is down");
    }

    private Optional<Link> loopback(Scene scene) {
        return scene.space(op.ns()).link("lo");
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        if (!Netns.exists(path())) {
            scene.forget(op.ns());
            Netns.create(path()).close();
        }
        scene.space(op.ns()).rtnl().setUp(scene.space(op.ns()).index("lo"));
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        if (!OpCodec.flag(before, SO)) {
            scene.forget(op.ns());
            Netns.delete(path());
        }
    }
}
