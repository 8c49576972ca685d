package io.peerpods.cloud.aws.preflight;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.Worker;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.instance.LaunchFacts;
import io.peerpods.cloud.aws.metadata.WorkerMetadata;
import io.peerpods.cloud.aws.securitygroup.Flow;
import io.peerpods.cloud.aws.securitygroup.Flow.Direction;
import io.peerpods.cloud.aws.securitygroup.Flow.Peer;
import io.peerpods.cloud.aws.securitygroup.GroupRules;
import io.peerpods.cloud.aws.securitygroup.SecurityGroups;
import io.peerpods.cloud.aws.subnet.Subnet;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.ec2.model.SecurityGroup;

/**
 * Whether the security groups let agent and tunnel through, on both sides and both ways: the source port of a tunnel
 * packet is a hash of what is inside, so the way back is a flow of its own, which a stateful rule for the way there does
 * not let through.
 */
final class GroupCheck {

    private final AwsConfig config;
    private final Worker worker;
    private final Preflight.Region region;
    private final Ec2Api ec2;
    private final WorkerMetadata metadata;

    GroupCheck(AwsConfig config, Worker worker, Preflight.Region region, Ec2Api ec2, WorkerMetadata metadata) {
        this.config = config;
        this.worker = worker;
        this.region = region;
        this.ec2 = ec2;
        this.metadata = metadata;
    }

    void check(LaunchFacts known, Findings findings) throws CloudException, InterruptedException {
        List<String> workerGroups = metadata.groups();
        Set<String> ids = new LinkedHashSet<>(known.groups());
        if (worker.externalNetwork()) {
            ids.addAll(known.secondaryGroups());
        }
        ids.addAll(workerGroups);
        Map<String, SecurityGroup> groups = new SecurityGroups(ec2).describe(ids);
        sameVpc(known, groups, findings);
        GroupRules rules = new GroupRules(groups);
        Peer theWorker = workerPeer(known, workerGroups);
        for (Flow flow : flows(known, theWorker, workerGroups)) {
            judge(flow, rules, findings);
        }
        if (workerGroups.isEmpty()) {
            findings.unchecked(
                    "security groups of the worker",
                    "not known, because its metadata service does not answer: they must admit udp "
                            + worker.tunnelPort() + " from the pod VMs' groups " + known.groups());
        }
    }

    private static void sameVpc(LaunchFacts known, Map<String, SecurityGroup> groups, Findings findings) {
        String vpc = known.placements().getFirst().primary().vpc();
        Set<String> all = new LinkedHashSet<>(known.groups());
        all.addAll(known.secondaryGroups());
        for (String id : all) {
            SecurityGroup group = groups.get(id);
            if (group != null && !vpc.equals(group.vpcId())) {
                findings.error(
                        "security group " + id,
                        "is of VPC " + group.vpcId() + ", the subnets are of " + vpc + ": take a group of that VPC");
            } else if (group != null) {
                findings.ok("security group " + id, "of the subnets' VPC " + vpc);
            }
        }
    }

    private Peer workerPeer(LaunchFacts known, List<String> workerGroups) {
        Optional<String> address = metadata.address()
                .or(() -> sourceTowards(known.placements().getFirst().primary()));
        return new Peer(workerGroups, address.map(text -> List.of(text + "/32")).orElse(List.of()));
    }

    /** The address that this machine's packets to a subnet have; nothing is sent. */
    private static Optional<String> sourceTowards(Subnet subnet) {
        String network = subnet.cidr().substring(0, Math.max(0, subnet.cidr().indexOf('/')));
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.connect(new InetSocketAddress(InetAddress.getByName(network), 9));
            InetAddress source = socket.getLocalAddress();
            return source.isAnyLocalAddress() || source.isLoopbackAddress()
                    ? Optional.empty()
                    : Optional.of(source.getHostAddress());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private List<Flow> flows(LaunchFacts known, Peer theWorker, List<String> workerGroups) {
        Set<String> cidrs = new LinkedHashSet<>();
        known.placements().forEach(placement -> cidrs.add(placement.primary().cidr()));
        Peer vms = new Peer(known.groups(), List.copyOf(cidrs));
        int agent = worker.agentPort();
        int tunnel = worker.tunnelPort();
        List<Flow> flows = new ArrayList<>();
        // By a public address the worker is whatever its NAT makes of it: its group does not count then.
        Peer caller = config.publicIp() ? new Peer(List.of(), List.of("0.0.0.0/0")) : theWorker;
        flows.add(new Flow("agent, into the pod VM", Direction.INGRESS, known.groups(), "tcp", agent, caller));
        if (!workerGroups.isEmpty()) {
            flows.add(new Flow("agent, out of the worker", Direction.EGRESS, workerGroups, "tcp", agent, vms));
        }
        if (tunnel > 0) {
            flows.add(new Flow("tunnel, into the pod VM", Direction.INGRESS, known.groups(), "udp", tunnel, theWorker));
            flows.add(
                    new Flow("tunnel, out of the pod VM", Direction.EGRESS, known.groups(), "udp", tunnel, theWorker));
            if (!workerGroups.isEmpty()) {
                flows.add(new Flow("tunnel, into the worker", Direction.INGRESS, workerGroups, "udp", tunnel, vms));
                flows.add(new Flow("tunnel, out of the worker", Direction.EGRESS, workerGroups, "udp", tunnel, vms));
            }
        }
        return flows;
    }

    private void judge(Flow flow, GroupRules rules, Findings findings) throws CloudException {
        String what = "rule for the " + flow.what() + " (" + flow.protocol() + " " + flow.port() + ")";
        boolean blind = flow.peer().groups().isEmpty() && flow.peer().cidrs().isEmpty();
        switch (rules.admit(flow)) {
            case YES -> findings.ok(what, "in " + flow.groups());
            case PREFIX_LIST -> findings.unchecked(what, "a prefix list in " + flow.groups() + " may have it");
            case NO -> {
                if (blind) {
                    findings.unchecked(what, "the address of this worker is not known");
                } else if (config.publicIp() && flow.protocol().equals("tcp")) {
                    findings.unchecked(
                            what,
                            "not open to everybody, which is well; it must be open to the address that this worker has"
                                    + " towards the internet: " + flow.command(region.name()));
                } else {
                    findings.error(what, "missing; add it with: " + flow.command(region.name()));
                }
            }
        }
    }
}
