package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.netlink.FdbEntry;
import io.peerpods.linux.netlink.Neighbour;
import java.util.Optional;

/** {@link Op.Fdb}. */
record FdbAct(Op.Fdb op) implements Act {

    private Optional<FdbEntry> find(Scene scene) {
        return scene.find(op.ns())
                .flatMap(space -> space.link(op.dev())
                        .flatMap(link -> space.rtnl().fdb(link.index()).stream()
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
    public JsonObject before(Scene scene) {
        return Act.memory(find(scene).isPresent());
    }

    @Override
    public Optional<String> difference(Scene scene) {
        return find(scene).isPresent() ? Optional.empty() : Optional.of("there is no such entry");
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        Space space = scene.space(op.ns());
        space.rtnl().appendFdb(space.index(op.dev()), op.mac(), op.dst(), op.port());
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        if (!OpCodec.flag(before, SO)) {
            find(scene)
                    .ifPresent(entry ->
                            scene.space(op.ns()).rtnl().deleteFdb(entry.link(), op.mac(), op.dst(), op.port()));
        }
    }
}
