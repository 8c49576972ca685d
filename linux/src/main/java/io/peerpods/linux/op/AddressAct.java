package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.netlink.LinkAddress;
import java.util.Optional;

/** {@link Op.Address}. */
record AddressAct(Op.Address op) implements Act {

    private Optional<LinkAddress> find(Scene scene) {
        return scene.find(op.ns())
                .flatMap(space -> space.link(op.link())
                        .flatMap(link -> space.rtnl().addresses().stream()
                                .filter(address -> address.index() == link.index())
                                .filter(address -> address.prefix().equals(op.prefix()))
                                .findFirst()));
    }

    private boolean isAsAsked(LinkAddress address) {
        return address.permanent() && address.connectedRoute() == op.connectedRoute();
    }

    @Override
    public JsonObject before(Scene scene) {
        return Act.memory(find(scene).isPresent());
    }

    @Override
    public Optional<String> difference(Scene scene) {
        Optional<LinkAddress> found = find(scene);
        if (found.isEmpty()) {
            return Optional.of("the link does not have it");
        }
        return isAsAsked(found.get())
                ? Optional.empty()
                : Optional.of(found.get().permanent() ? "its connected route is not as asked" : "it has a lifetime");
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        Space space = scene.space(op.ns());
        int index = space.index(op.link());
        if (find(scene).isPresent()) {
            space.rtnl().deleteAddress(index, op.prefix());
        }
        space.rtnl().addAddress(index, op.prefix(), op.connectedRoute());
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        if (!OpCodec.flag(before, SO)) {
            find(scene)
                    .ifPresent(address -> scene.space(op.ns()).rtnl().deleteAddress(address.index(), address.prefix()));
        }
    }
}
