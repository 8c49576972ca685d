package io.peerpods.linux.op;

import static java.util.Objects.requireNonNull;

import io.peerpods.linux.netlink.VxlanAttributes;

/** What sort of virtual link {@link Op.Link} asks for. */
public sealed interface LinkKind {

    /**
     * One end of a cable; the other end is made with it, up as well when the link is.
     *
     * @param peer name of the other end
     * @param peerNs namespace of the other end
     */
    record Veth(String peer, NetnsRef peerNs) implements LinkKind {
        public Veth {
            requireNonNull(peer, "peer");
            requireNonNull(peerNs, "peerNs");
        }
    }

    record Bridge() implements LinkKind {}

    /**
     * A vxlan whose outer packets travel in the namespace {@code underlay}. It is made straight in the op's own namespace: neither
     * moved nor renamed, so no other program sees it half made.
     */
    record Vxlan(NetnsRef underlay, VxlanAttributes attributes) implements LinkKind {
        public Vxlan {
            requireNonNull(underlay, "underlay");
            requireNonNull(attributes, "attributes");
        }
    }
}
