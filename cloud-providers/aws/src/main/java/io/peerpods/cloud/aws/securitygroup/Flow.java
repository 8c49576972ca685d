package io.peerpods.cloud.aws.securitygroup;

import java.util.List;

/**
 * Packets that some security groups must let through: any one rule of any one of them is enough.
 *
 * @param what what the packets are for
 * @param groups the groups, all of one interface
 * @param protocol {@code tcp} or {@code udp}
 * @param peer the other end
 */
public record Flow(String what, Direction direction, List<String> groups, String protocol, int port, Peer peer) {

    /** Into the interface, or out of it. */
    public enum Direction {
        INGRESS,
        EGRESS
    }

    /**
     * The other end of a flow.
     *
     * @param groups its groups, empty when they are not known or do not count
     * @param cidrs its addresses, every one of which must be let through
     */
    public record Peer(List<String> groups, List<String> cidrs) {

        public Peer {
            groups = List.copyOf(groups);
            cidrs = List.copyOf(cidrs);
        }
    }

    /** The command that adds the missing rule, ready to paste. */
    public String command(String region) {
        String source = peer.groups().isEmpty()
                ? "IpRanges=[{CidrIp="
                        + (peer.cidrs().isEmpty() ? "0.0.0.0/0" : String.join("},{CidrIp=", peer.cidrs())) + "}]"
                : "UserIdGroupPairs=[{GroupId=" + peer.groups().getFirst() + "}]";
        return "aws ec2 authorize-security-group-" + (direction == Direction.INGRESS ? "ingress" : "egress")
                + " --region " + region + " --group-id " + groups.getFirst() + " --ip-permissions 'IpProtocol="
                + protocol + ",FromPort=" + port + ",ToPort=" + port + "," + source + "'";
    }
}
