package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.netlink.Link;
import java.util.Optional;

/** {@link Op.Up}. */
record UpAct(Op.Up op) implements Act {

    private static final String DOWN = "down";

    private Optional<Link> link(Scene scene) {
        return scene.find(op.ns()).flatMap(space -> space.link(op.link()));
    }

    @Override
    public JsonObject before(Scene scene) {
        JsonObject json = new JsonObject();
        OpCodec.flag(json, DOWN, link(scene).filter(link -> !link.up()).isPresent());
        return json;
    }

    @Override
    public Optional<String> difference(Scene scene) {
        return link(scene)
                .map(link -> link.up() ? "" : "it is down")
                .or(() -> Optional.of("there is no such link"))
                .filter(text -> !text.isEmpty());
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        Space space = scene.space(op.ns());
        space.rtnl().setUp(space.index(op.link()));
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        if (OpCodec.flag(before, DOWN)) {
            link(scene)
                    .filter(Link::up)
                    .ifPresent(link -> scene.space(op.ns())
                            .rtnl()
                            .change(link.index())
                            .up(false)
                            .apply());
        }
    }
}
