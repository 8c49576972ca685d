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
record LinkHandler(Op.Link op) implements OpHandler {

    @Override
    public JsonObject before(OpContext context) {
        boolean taken = context.find(op.ns())
                .flatMap(namespace -> namespace.link(op.name()))
                .filter(link -> !link.alias().equals(context.owner()))
                .isPresent();
        return OpHandler.memory(taken);
    }

    @Override
    public Optional<String> difference(OpContext context) {
        Optional<Link> found = context.find(op.ns()).flatMap(namespace -> namespace.link(op.name()));
        if (found.isEmpty()) {
            return Optional.of("there is no such link");
        }
        Link link = found.get();
        if (!isSameDevice(context, link)) {
            return Optional.of("it is another " + (link.kind().isEmpty() ? "NIC" : link.kind()) + " " + link.vxlan());
        }
        if (!link.alias().equals(context.owner())) {
            return Optional.of("its alias is '" + link.alias() + "'");
        }
        return stateDifference(context, link).or(() -> peerDifference(context));
    }

    private Optional<String> stateDifference(OpContext context, Link link) {
        if (op.mac() != null && !op.mac().equals(link.mac())) {
            return Optional.of("its hardware address is " + link.mac());
        }
        if (op.mtu() != 0 && op.mtu() != link.mtu()) {
            return Optional.of("its MTU is " + link.mtu());
        }
        if (link.master() != master(context)) {
            return Optional.of(op.master().isEmpty() ? "it is a port of a bridge" : "it is no port of " + op.master());
        }
        return op.up() && !link.up() ? Optional.of("it is down") : Optional.empty();
    }

    private Optional<String> peerDifference(OpContext context) {
        if (!(op.kind() instanceof LinkKind.Veth veth)) {
            return Optional.empty();
        }
        Optional<Link> peer = context.find(veth.peerNs()).flatMap(namespace -> namespace.link(veth.peer()));
        if (peer.isEmpty()) {
            return Optional.of("its other end " + veth.peer() + " is not in " + veth.peerNs());
        }
        boolean so = peer.get().alias().equals(context.owner()) && (peer.get().up() || !op.up());
        return so ? Optional.empty() : Optional.of("its other end " + veth.peer() + " is not set up");
    }

    private int master(OpContext context) {
        return op.master().isEmpty() ? 0 : context.namespace(op.ns()).index(op.master());
    }

    private String kindName() {
        return switch (op.kind()) {
            case LinkKind.Veth _ -> "veth";
            case LinkKind.Bridge _ -> "bridge";
            case LinkKind.Vxlan _ -> "vxlan";
        };
    }

    private boolean isSameDevice(OpContext context, Link link) {
        if (!link.kind().equals(kindName())) {
            return false;
        }
        return switch (op.kind()) {
            case LinkKind.Veth _, LinkKind.Bridge _ -> true;
            case LinkKind.Vxlan vxlan -> isSameVxlan(context, vxlan, link);
        };
    }

    /** Of what was left to the kernel, whatever it chose is right. */
    private static boolean isSameVxlan(OpContext context, LinkKind.Vxlan wanted, Link link) {
        VxlanAttributes asked = wanted.attributes();
        VxlanAttributes found = link.vxlan();
        if (found == null) {
            return false;
        }
        int device = asked.device().isEmpty()
                ? 0
                : context.namespace(wanted.underlay()).index(asked.device());
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
    public void perform(OpContext context, JsonObject before) {
        OpenNamespace namespace = context.namespace(op.ns());
        Optional<Link> found = namespace.link(op.name());
        if (found.isPresent() && !isOurs(context, found.get(), before)) {
            throw new LinuxException(
                    "make link " + op.name() + " in " + op.ns() + ", where another has the name (alias '"
                            + found.get().alias() + "')",
                    Errno.EEXIST);
        }
        if (found.isPresent() && !isSameDevice(context, found.get())) {
            namespace.rtnl().deleteLink(found.get().index());
            found = Optional.empty();
        }
        if (found.isEmpty()) {
            create(context, namespace);
        }
        complete(context, namespace, found.isEmpty());
    }

    private void create(OpContext context, OpenNamespace namespace) {
        NewLink link = new NewLink(op.name(), op.mac(), op.mtu());
        switch (op.kind()) {
            case LinkKind.Bridge _ -> namespace.rtnl().addBridge(link);
            case LinkKind.Veth veth -> {
                NewLink peer = new NewLink(veth.peer(), null, op.mtu());
                boolean here = veth.peerNs().equals(op.ns());
                namespace
                        .rtnl()
                        .addVeth(
                                link,
                                peer,
                                here ? null : context.namespace(veth.peerNs()).netns());
            }
            case LinkKind.Vxlan vxlan -> {
                boolean here = vxlan.underlay().equals(op.ns());
                context.namespace(vxlan.underlay())
                        .rtnl()
                        .addVxlan(link, vxlan.attributes(), here ? null : namespace.netns());
            }
        }
    }

    /** Alias, and whatever else is not as asked, in one request. */
    private void complete(OpContext context, OpenNamespace namespace, boolean fresh) {
        Link link = namespace.rtnl().requireLink(op.name());
        LinkChange change = namespace.rtnl().change(link.index()).alias(context.owner());
        if (!fresh && op.mac() != null && !op.mac().equals(link.mac())) {
            change.mac(op.mac());
        }
        if (op.mtu() != 0 && op.mtu() != link.mtu()) {
            change.mtu(op.mtu());
        }
        int master = master(context);
        if (master != link.master()) {
            change.master(master);
        }
        if (op.up()) {
            change.up(true);
        }
        change.apply();
        if (op.kind() instanceof LinkKind.Veth veth) {
            OpenNamespace peerSpace = context.namespace(veth.peerNs());
            LinkChange peer =
                    peerSpace.rtnl().change(peerSpace.index(veth.peer())).alias(context.owner());
            (op.up() ? peer.up(true) : peer).apply();
        }
    }

    private boolean isOurs(OpContext context, Link link, JsonObject before) {
        boolean unnamed = link.alias().isEmpty()
                && !OpCodec.flag(before, SO)
                && link.kind().equals(kindName());
        return link.alias().equals(context.owner()) || unnamed;
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        Optional<OpenNamespace> namespace = context.find(op.ns());
        namespace
                .flatMap(there -> there.link(op.name()))
                .filter(link -> isOurs(context, link, before))
                .ifPresent(link -> namespace.get().rtnl().deleteLink(link.index()));
    }
}
