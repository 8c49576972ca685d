package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.netlink.Link;
import java.util.Optional;

/** {@link Op.Mtu}. */
record MtuAct(Op.Mtu op) implements Act {

    private static final String MTU = "mtu";

    private Optional<Link> link(Scene scene) {
        return scene.find(op.ns()).flatMap(space -> space.link(op.link()));
    }

    @Override
    public JsonObject before(Scene scene) {
        JsonObject json = new JsonObject();
        link(scene).ifPresent(link -> json.addProperty(MTU, link.mtu()));
        return json;
    }

    @Override
    public Optional<String> difference(Scene scene) {
        return link(scene)
                .map(link -> link.mtu() == op.mtu() ? "" : "it is " + link.mtu())
                .or(() -> Optional.of("there is no such link"))
                .filter(text -> !text.isEmpty());
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        Space space = scene.space(op.ns());
        space.rtnl().change(space.index(op.link())).mtu(op.mtu()).apply();
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        int old = OpCodec.number(before, MTU);
        link(scene)
                .filter(link -> old != 0 && old != op.mtu() && link.mtu() == op.mtu())
                .ifPresent(link -> scene.space(op.ns())
                        .rtnl()
                        .change(link.index())
                        .mtu(old)
                        .apply());
    }
}
