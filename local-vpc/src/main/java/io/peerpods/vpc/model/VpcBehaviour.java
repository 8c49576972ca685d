package io.peerpods.vpc.model;

/**
 * In what the simulated VPC behaves as EC2's. Everything is on in {@link #EC2}; each can be switched off, so that a check that
 * depends on it can be seen to fail.
 *
 * @param sourceCheck packets of a pod VM whose source is not its NIC's own address and MAC are dropped
 * @param multicastDropped multicast and broadcast frames other than ARP go nowhere
 * @param floodingDropped a frame for an unknown MAC goes nowhere, and no NIC sees a frame for another one
 * @param metadata the metadata service answers at 169.254.169.254
 * @param metadataOnEveryNic it answers on every NIC, not on the first one only
 * @param metadataV2Only a request without a session token gets 401
 * @param metadataHopLimit answers of the metadata service carry a TTL of 1, so that no forwarded pod gets one
 * @param secondaryNicConfigured NICs after the first get their address at boot, as a DHCP client would set it
 * @param defaultRouteOnEveryNic a configured NIC after the first gets a default route too
 * @param nat private addresses leave for the internet under the router's public one
 */
public record VpcBehaviour(
        boolean sourceCheck,
        boolean multicastDropped,
        boolean floodingDropped,
        boolean metadata,
        boolean metadataOnEveryNic,
        boolean metadataV2Only,
        boolean metadataHopLimit,
        boolean secondaryNicConfigured,
        boolean defaultRouteOnEveryNic,
        boolean nat) {

    public static final VpcBehaviour EC2 = new VpcBehaviour(true, true, true, true, true, true, true, true, true, true);

    /** One of the switches. */
    public enum Switch {
        SOURCE_CHECK,
        MULTICAST_DROPPED,
        FLOODING_DROPPED,
        METADATA,
        METADATA_ON_EVERY_NIC,
        METADATA_V2_ONLY,
        METADATA_HOP_LIMIT,
        SECONDARY_NIC_CONFIGURED,
        DEFAULT_ROUTE_ON_EVERY_NIC,
        NAT
    }

    /** The same with one of them off. */
    public VpcBehaviour without(Switch off) {
        return new VpcBehaviour(
                sourceCheck && off != Switch.SOURCE_CHECK,
                multicastDropped && off != Switch.MULTICAST_DROPPED,
                floodingDropped && off != Switch.FLOODING_DROPPED,
                metadata && off != Switch.METADATA,
                metadataOnEveryNic && off != Switch.METADATA_ON_EVERY_NIC,
                metadataV2Only && off != Switch.METADATA_V2_ONLY,
                metadataHopLimit && off != Switch.METADATA_HOP_LIMIT,
                secondaryNicConfigured && off != Switch.SECONDARY_NIC_CONFIGURED,
                defaultRouteOnEveryNic && off != Switch.DEFAULT_ROUTE_ON_EVERY_NIC,
                nat && off != Switch.NAT);
    }
}
