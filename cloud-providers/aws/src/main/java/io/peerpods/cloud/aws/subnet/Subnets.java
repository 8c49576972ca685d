package io.peerpods.cloud.aws.subnet;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NotFound;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.ec2.model.DescribeRouteTablesRequest;
import software.amazon.awssdk.services.ec2.model.DescribeSubnetsRequest;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.RouteTable;

/** Describes subnets and puts primary and secondary ones together. */
public final class Subnets {

    private final Ec2Api ec2;

    public Subnets(Ec2Api ec2) {
        this.ec2 = ec2;
    }

    /** The subnets with these ids, by id. */
    public Map<String, Subnet> describe(Set<String> ids) throws CloudException, InterruptedException {
        Map<String, Subnet> found = new LinkedHashMap<>();
        var request = DescribeSubnetsRequest.builder().subnetIds(ids).build();
        for (var subnet : ec2.describeSubnets(request).subnets()) {
            found.put(
                    subnet.subnetId(),
                    new Subnet(
                            subnet.subnetId(),
                            subnet.vpcId(),
                            subnet.availabilityZone(),
                            subnet.cidrBlock(),
                            subnet.availableIpAddressCount() == null ? 0 : subnet.availableIpAddressCount()));
        }
        for (String id : ids) {
            if (!found.containsKey(id)) {
                throw new NotFound(Outcome.NOT_DONE, "subnet " + id + " does not exist in this region");
            }
        }
        return found;
    }

    /**
     * The placements that primary and secondary subnets allow.
     *
     * @param secondaryIds empty: the secondary interface goes where the primary does
     * @throws CloudException when the subnets are of several VPCs, or a zone of a primary has no secondary
     */
    public List<Placement> placements(List<String> primaryIds, List<String> secondaryIds)
            throws CloudException, InterruptedException {
        Set<String> all = new LinkedHashSet<>(primaryIds);
        all.addAll(secondaryIds);
        return match(primaryIds, secondaryIds, describe(all));
    }

    static List<Placement> match(List<String> primaryIds, List<String> secondaryIds, Map<String, Subnet> subnets)
            throws CloudException {
        Set<String> vpcs = new LinkedHashSet<>();
        subnets.values().forEach(subnet -> vpcs.add(subnet.vpc()));
        if (vpcs.size() > 1) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE,
                    "the subnets of AWS_SUBNET_ID and AWS_SECONDARY_SUBNET_IDS are of several VPCs " + vpcs
                            + ": all interfaces of a pod VM are in one VPC");
        }
        List<Placement> placements = new ArrayList<>();
        for (String id : primaryIds) {
            Subnet primary = require(subnets, id);
            if (secondaryIds.isEmpty()) {
                placements.add(new Placement(primary, primary));
                continue;
            }
            Optional<Subnet> secondary = Optional.empty();
            for (String candidate : secondaryIds) {
                Subnet subnet = require(subnets, candidate);
                if (secondary.isEmpty() && subnet.zone().equals(primary.zone())) {
                    secondary = Optional.of(subnet);
                }
            }
            placements.add(new Placement(
                    primary,
                    secondary.orElseThrow(() -> new InvalidRequest(
                            Outcome.NOT_DONE,
                            "AWS_SECONDARY_SUBNET_IDS has no subnet in " + primary.zone() + ", the zone of subnet "
                                    + primary.id() + " of AWS_SUBNET_ID: add one, or leave that subnet out"))));
        }
        return List.copyOf(placements);
    }

    private static Subnet require(Map<String, Subnet> subnets, String id) throws CloudException {
        Subnet subnet = subnets.get(id);
        if (subnet == null) {
            throw new NotFound(Outcome.NOT_DONE, "subnet " + id + " does not exist in this region");
        }
        return subnet;
    }

    /** Which of these subnets have a route to an internet gateway: a public address of theirs works there. */
    public Set<String> withInternetGateway(Set<Subnet> subnets) throws CloudException, InterruptedException {
        Set<String> vpcs = new LinkedHashSet<>();
        subnets.forEach(subnet -> vpcs.add(subnet.vpc()));
        List<RouteTable> tables = ec2.describeRouteTables(DescribeRouteTablesRequest.builder()
                        .filters(Filter.builder().name("vpc-id").values(vpcs).build())
                        .build())
                .routeTables();
        Set<String> found = new LinkedHashSet<>();
        for (Subnet subnet : subnets) {
            if (tableOf(subnet, tables).filter(Subnets::leadsToInternetGateway).isPresent()) {
                found.add(subnet.id());
            }
        }
        return found;
    }

    private static Optional<RouteTable> tableOf(Subnet subnet, List<RouteTable> tables) {
        Optional<RouteTable> own = tables.stream()
                .filter(table ->
                        table.associations().stream().anyMatch(a -> subnet.id().equals(a.subnetId())))
                .findFirst();
        return own.or(() -> tables.stream()
                .filter(table -> subnet.vpc().equals(table.vpcId())
                        && table.associations().stream().anyMatch(a -> Boolean.TRUE.equals(a.main())))
                .findFirst());
    }

    private static boolean leadsToInternetGateway(RouteTable table) {
        return table.routes().stream()
                .anyMatch(route -> "0.0.0.0/0".equals(route.destinationCidrBlock())
                        && route.gatewayId() != null
                        && route.gatewayId().startsWith("igw-"));
    }
}
