package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.netlink.Neighbour;
import java.util.Optional;

/** {@link Op.Neighbour}. Remembers another permanent entry; one that was learned comes back by itself. */
record NeighbourAct(Op.Neighbour op) implements Act {

    private static final String MAC = "mac";

    private Optional<Neighbour> find(Scene scene) {
        return scene.find(op.ns())
                .flatMap(space -> space.link(op.dev())
                        .flatMap(link -> space.rtnl().neighbours().stream()
                                .filter(entry -> entry.link() == link.index()
                                        && entry.ip().equals(op.ip()))
                                .filter(Neighbour::isPermanent)
                                .findFirst()));
    }

    @Override
    public JsonObject before(Scene scene) {
        JsonObject json = new JsonObject();
        find(scene).ifPresent(entry -> {
            OpCodec.flag(json, SO, op.mac().equals(entry.mac()));
            OpCodec.text(json, MAC, entry.mac());
        });
        return json;
    }

    @Override
    public Optional<String> difference(Scene scene) {
        Optional<Neighbour> found = find(scene);
        if (found.isEmpty()) {
            return Optional.of("there is no permanent entry");
        }
        return op.mac().equals(found.get().mac())
                ? Optional.empty()
                : Optional.of("it is at " + found.get().mac());
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        Space space = scene.space(op.ns());
        space.rtnl().putNeighbour(space.index(op.dev()), op.ip(), op.mac());
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        if (OpCodec.flag(before, SO)) {
            return;
        }
        MacAddress old = OpCodec.optional(before, MAC, MacAddress::of);
        find(scene).filter(entry -> op.mac().equals(entry.mac())).ifPresent(entry -> {
            if (old == null) {
                scene.space(op.ns()).rtnl().deleteNeighbour(entry.link(), op.ip());
            } else {
                scene.space(op.ns()).rtnl().putNeighbour(entry.link(), op.ip(), old);
            }
        });
    }
}
