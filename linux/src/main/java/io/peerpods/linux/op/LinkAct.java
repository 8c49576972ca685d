package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.LinkChange;
import io.peerpods.linux.netlink.NewLink;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.linux.sys.Errno;
import java.util.Objects;
import java.util.Optional;

/**
 * {@link Op.Link}. The kernel takes the alias only after the link is there, so a crash can leave one without: it counts as ours when
 * the name was free before.
 */
record LinkAct(Op.Link op) implements Act {

    @Override
    public JsonObject before(Scene scene) {
        boolean taken = scene.find(op.ns())
                .flatMap(space -> space.link(op.name()))
                .filter(link -> !link.alias().equals(scene.owner()))
                .isPresent();
        return Act.memory(taken);
    }

    @Override
    public Optional<String> difference(Scene scene) {
        Optional<Link> found = scene.find(op.ns()).flatMap(space -> space.link(op.name()));
        if (found.isEmpty()) {
            return Optional.of("there is no such link");
        }
        Link link = found.get();
        if (!isSameDevice(scene, link)) {
            return Optional.of("it is another " + (link.kind().isEmpty() ? "NIC" : link.kind()) + " " + link.vxlan());
        }
        if (!link.alias().equals(scene.owner())) {
            return Optional.of("its alias is '" + link.alias() + "'");
        }
        return stateDifference(scene, link).or(() -> peerDifference(scene));
    }

    private Optional<String> stateDifference(Scene scene, Link link) {
        if (op.mac() != null && !op.mac().equals(link.mac())) {
            return Optional.of("its hardware address is " + link.mac());
        }
        if (op.mtu() != 0 && op.mtu() != link.mtu()) {
            return Optional.of("its MTU is " + link.mtu());
        }
        if (link.master() != master(scene)) {
            return Optional.of(op.master().isEmpty() ? "it is a port of a bridge" : "it is no port of " + op.master());
        }
        return op.up() && !link.up() ? Optional.of("it is down") : Optional.empty();
    }

    private Optional<String> peerDifference(Scene scene) {
        if (!(op.kind() instanceof LinkKind.Veth veth)) {
            return Optional.empty();
        }
        Optional<Link> peer = scene.find(veth.peerNs()).flatMap(space -> space.link(veth.peer()));
        if (peer.isEmpty()) {
            return Optional.of("its other end " + veth.peer() + " is not in " + veth.peerNs());
        }
        boolean so = peer.get().alias().equals(scene.owner()) && (peer.get().up() || !op.up());
        return so ? Optional.empty() : Optional.of("its other end " + veth.peer() + " is not set up");
    }

    private int master(Scene scene) {
        return op.master().isEmpty() ? 0 : scene.space(op.ns()).index(op.master());
    }

    private String kindName() {
        return switch (op.kind()) {
            case LinkKind.Veth _ -> "veth";
            case LinkKind.Bridge _ -> "bridge";
            case LinkKind.Vxlan _ -> "vxlan";
        };
    }

    private boolean isSameDevice(Scene scene, Link link) {
        if (!link.kind().equals(kindName())) {
            return false;
        }
        return switch (op.kind()) {
            case LinkKind.Veth _, LinkKind.Bridge _ -> true;
            case LinkKind.Vxlan vxlan -> isSameVxlan(scene, vxlan, link);
        };
    }

    /** Of what was left to the kernel, whatever it chose is right. */
    private static boolean isSameVxlan(Scene scene, LinkKind.Vxlan wanted, Link link) {
        VxlanAttributes asked = wanted.attributes();
        VxlanAttributes found = link.vxlan();
        if (found == null) {
            return false;
        }
        int device =
                asked.device().isEmpty() ? 0 : scene.space(wanted.underlay()).index(asked.device());
        return asked.vni() == found.vni()
                && asked.port() == found.port()
                && Objects.equals(asked.remote(), found.remote())
                && Objects.equals(asked.local(), found.local())
                && device == link.vxlanDevice()
                && asked.learning() == found.learning()
                && asked.df() == found.df()
                && asked.udpChecksum() == found.udpChecksum()
                && asked.gbp() == found.gbp()
                && asked.external() == found.external()
                && (asked.ttl() == 0 || asked.ttl() == found.ttl())
                && (asked.tos() == 0 || asked.tos() == found.tos())
                && (asked.ageing() == 0 || asked.ageing() == found.ageing())
                && (asked.sourcePortLow() == 0
                        || (asked.sourcePortLow() == found.sourcePortLow()
                                && asked.sourcePortHigh() == found.sourcePortHigh()));
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        Space space = scene.space(op.ns());
        Optional<Link> found = space.link(op.name());
        if (found.isPresent() && !isOurs(scene, found.get(), before)) {
            throw new LinuxException(
                    "make link " + op.name() + " in " + op.ns() + ", where another has the name (alias '"
                            + found.get().alias() + "')",
                    Errno.EEXIST);
        }
        if (found.isPresent() && !isSameDevice(scene, found.get())) {
            space.rtnl().deleteLink(found.get().index());
            found = Optional.empty();
        }
        if (found.isEmpty()) {
            create(scene, space);
        }
        complete(scene, space, found.isEmpty());
    }

    private void create(Scene scene, Space space) {
        NewLink link = new NewLink(op.name(), op.mac(), op.mtu());
        switch (op.kind()) {
            case LinkKind.Bridge _ -> space.rtnl().addBridge(link);
            case LinkKind.Veth veth -> {
                NewLink peer = new NewLink(veth.peer(), null, op.mtu());
                boolean here = veth.peerNs().equals(op.ns());
                space.rtnl()
                        .addVeth(
                                link,
                                peer,
                                here ? null : scene.space(veth.peerNs()).netns());
            }
            case LinkKind.Vxlan vxlan -> {
                boolean here = vxlan.underlay().equals(op.ns());
                scene.space(vxlan.underlay()).rtnl().addVxlan(link, vxlan.attributes(), here ? null : space.netns());
            }
        }
    }

    /** Alias, and whatever else is not as asked, in one request. */
    private void complete(Scene scene, Space space, boolean fresh) {
        Link link = space.rtnl().requireLink(op.name());
        LinkChange change = space.rtnl().change(link.index()).alias(scene.owner());
        if (!fresh && op.mac() != null && !op.mac().equals(link.mac())) {
            change.mac(op.mac());
        }
        if (op.mtu() != 0 && op.mtu() != link.mtu()) {
            change.mtu(op.mtu());
        }
        int master = master(scene);
        if (master != link.master()) {
            change.master(master);
        }
        if (op.up()) {
            change.up(true);
        }
        change.apply();
        if (op.kind() instanceof LinkKind.Veth veth) {
            Space peerSpace = scene.space(veth.peerNs());
            LinkChange peer =
                    peerSpace.rtnl().change(peerSpace.index(veth.peer())).alias(scene.owner());
            (op.up() ? peer.up(true) : peer).apply();
        }
    }

    private boolean isOurs(Scene scene, Link link, JsonObject before) {
        boolean unnamed = link.alias().isEmpty()
                && !OpCodec.flag(before, SO)
                && link.kind().equals(kindName());
        return link.alias().equals(scene.owner()) || unnamed;
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        Optional<Space> space = scene.find(op.ns());
        space.flatMap(there -> there.link(op.name()))
                .filter(link -> isOurs(scene, link, before))
                .ifPresent(link -> space.get().rtnl().deleteLink(link.index()));
    }
}
