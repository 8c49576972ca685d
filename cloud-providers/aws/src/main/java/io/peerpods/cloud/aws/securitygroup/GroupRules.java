package io.peerpods.cloud.aws.securitygroup;

import io.peerpods.cloud.aws.subnet.Cidr;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import software.amazon.awssdk.services.ec2.model.IpPermission;
import software.amazon.awssdk.services.ec2.model.SecurityGroup;

/** The rules of some security groups, and what they let through. */
public final class GroupRules {

    /** Whether rules let a flow through. */
    public enum Verdict {
        YES,
        NO,
        /** A prefix list has the port; what is in the list is not looked at. */
        PREFIX_LIST
    }

    private final Map<String, SecurityGroup> groups;

    /** @param groups by id */
    public GroupRules(Map<String, SecurityGroup> groups) {
        this.groups = Map.copyOf(groups);
    }

    /** Whether the flow's groups let it through. */
    public Verdict admit(Flow flow) {
        List<IpPermission> rules =
                flow.groups().stream().flatMap(id -> rules(id, flow)).toList();
        if (rules.stream().anyMatch(rule -> namesGroup(rule, flow.peer())) || coversAddresses(rules, flow.peer())) {
            return Verdict.YES;
        }
        boolean list = rules.stream().anyMatch(rule -> !rule.prefixListIds().isEmpty());
        return list ? Verdict.PREFIX_LIST : Verdict.NO;
    }

    private Stream<IpPermission> rules(String id, Flow flow) {
        SecurityGroup group = groups.get(id);
        if (group == null) {
            return Stream.of();
        }
        List<IpPermission> all =
                flow.direction() == Flow.Direction.INGRESS ? group.ipPermissions() : group.ipPermissionsEgress();
        return all.stream().filter(rule -> isFor(rule, flow));
    }

    private static boolean isFor(IpPermission rule, Flow flow) {
        String protocol = Optional.ofNullable(rule.ipProtocol()).orElse("-1");
        if (protocol.equals("-1")) {
            return true;
        }
        String number = flow.protocol().equals("tcp") ? "6" : "17";
        if (!protocol.equals(flow.protocol()) && !protocol.equals(number)) {
            return false;
        }
        int from = Optional.ofNullable(rule.fromPort()).orElse(-1);
        int to = Optional.ofNullable(rule.toPort()).orElse(-1);
        return from == -1 || (from <= flow.port() && flow.port() <= to);
    }

    private static boolean namesGroup(IpPermission rule, Flow.Peer peer) {
        return rule.userIdGroupPairs().stream().anyMatch(pair -> peer.groups().contains(pair.groupId()));
    }

    private static boolean coversAddresses(List<IpPermission> rules, Flow.Peer peer) {
        List<Cidr> ranges = rules.stream()
                .flatMap(rule -> Stream.concat(
                        rule.ipRanges().stream().map(range -> range.cidrIp()),
                        rule.ipv6Ranges().stream().map(range -> range.cidrIpv6())))
                .flatMap(text -> Cidr.of(text).stream())
                .toList();
        return !peer.cidrs().isEmpty()
                && peer.cidrs().stream()
                        .allMatch(text -> Cidr.of(text)
                                .filter(wanted -> ranges.stream().anyMatch(range -> range.contains(wanted)))
                                .isPresent());
    }
}
