package io.peerpods.tests.aws;

import com.sun.net.httpserver.HttpServer;
import io.peerpods.ec2.faults.FaultProxy;
import io.peerpods.ec2.faults.MotoServer;
import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.Cloud;
import io.peerpods.tests.lab.Cluster;
import io.peerpods.tests.lab.Distributions;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.vpc.model.Subnet;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.vm.VmImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.ec2.Ec2Client;

/**
 * An EC2 API that is not ours, with a VPC whose subnets are the local VPC's. Every instance that is launched in it becomes a VM
 * of the VPC, with the interfaces, addresses, MACs, user-data and metadata that the emulator says. It is reached from the cluster's
 * first worker, at that one's loopback address.
 */
public final class EmulatedEc2 implements Cloud, AutoCloseable {

    private static final String ZONE = Region.US_EAST_1.id() + "a";

    private final MotoServer emulator;
    private final FaultProxy proxy;
    private final Ec2Client admin;
    private final InstanceEmulator watch;
    private final Network network;

    /** What the account has beside images. */
    private record Network(List<String> subnets, String primaryGroup, String secondaryGroup) {}

    private EmulatedEc2(
            MotoServer emulator, FaultProxy proxy, Ec2Client admin, InstanceEmulator watch, Network network) {
        this.emulator = emulator;
        this.proxy = proxy;
        this.admin = admin;
        this.watch = watch;
        this.network = network;
    }

    /**
     * Starts one for the VPC of a cluster.
     *
     * @param directory for its files
     */
    public static EmulatedEc2 start(Distributions distributions, Cluster cluster, Path directory) throws Exception {
        VmImage image = VmImage.withStandIn(
                distributions.podVmAgent(), List.of("-user-data=aws", "-listen=0.0.0.0:" + Cluster.AGENT_PORT));
        MotoServer emulator = MotoServer.start(directory);
        try {
            Ec2Client admin = admin(emulator.endpoint());
            Network network = build(admin, cluster.vpc().spec());
            // Only the socket belongs to the worker: what serves it runs, and reaches the emulator, here.
            HttpServer server = cluster.worker()
                    .call(() -> HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 64));
            FaultProxy proxy = FaultProxy.start(emulator.endpoint(), server);
            List<Subnet> subnets = cluster.vpc().spec().subnets();
            for (int i = 0; i < subnets.size(); i++) {
                proxy.subnet(network.subnets().get(i), subnets.get(i).cidr().toString());
            }
            InstanceEmulator watch = InstanceEmulator.start(admin, cluster.vpc(), image, network.subnets());
            proxy.onLaunch(instance -> watch.lookNow());
            return new EmulatedEc2(emulator, proxy, admin, watch, network);
        } catch (Exception e) {
            emulator.close();
            throw e;
        }
    }

    private static Ec2Client admin(URI endpoint) {
        return Ec2Client.builder()
                .region(Region.US_EAST_1)
                .endpointOverride(endpoint)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("admin", "admin")))
                .httpClientBuilder(UrlConnectionHttpClient.builder())
                .build();
    }

    private static Network build(Ec2Client admin, VpcSpec spec) {
        List<String> cidrs =
                spec.subnets().stream().map(subnet -> subnet.cidr().toString()).toList();
        String vpc = admin.createVpc(r -> r.cidrBlock(cidrs.getFirst())).vpc().vpcId();
        cidrs.stream()
                .skip(1)
                .forEach(cidr -> admin.associateVpcCidrBlock(r -> r.vpcId(vpc).cidrBlock(cidr)));
        List<String> subnets = cidrs.stream()
                .map(cidr -> admin.createSubnet(
                                r -> r.vpcId(vpc).availabilityZone(ZONE).cidrBlock(cidr))
                        .subnet()
                        .subnetId())
                .toList();
        return new Network(subnets, group(admin, vpc, "pod-vms"), group(admin, vpc, "pod-vms-external"));
    }

    private static String group(Ec2Client admin, String vpc, String name) {
        return admin.createSecurityGroup(r -> r.vpcId(vpc).groupName(name).description(name))
                .groupId();
    }

    @Override
    public Adaptor.Options options(PodConnection setting) {
        Map<String, String> settings = new LinkedHashMap<>(Map.of(
                "AWS_ACCESS_KEY_ID",
                "lab",
                "AWS_SECRET_ACCESS_KEY",
                "lab",
                "AWS_REGION",
                Region.US_EAST_1.id(),
                "AWS_ENDPOINT_URL",
                proxy.endpoint().toString(),
                "PODVM_AMI_ID",
                MotoServer.IMAGE,
                "DISABLECVM",
                "true",
                "AWS_SUBNET_ID",
                network.subnets().getFirst(),
                "AWS_SG_IDS",
                network.primaryGroup()));
        if (setting.externalNetwork()) {
            settings.put("AWS_SECONDARY_SUBNET_IDS", network.subnets().getLast());
            settings.put("AWS_SECONDARY_SG_IDS", network.secondaryGroup());
        }
        Adaptor.Options options = Adaptor.Options.of(setting).provider("aws");
        settings.forEach(options::environment);
        return options;
    }

    /** How many calls of each kind reached it from the adaptor. */
    public Map<String, Integer> calls() {
        return proxy.counts();
    }

    @Override
    public List<String> left() {
        return new Account(admin).everything();
    }

    /** The emulator's own process. */
    public long pid() {
        return emulator.pid();
    }

    /** Ends the emulator; VMs of its instances stay in the VPC. */
    @Override
    public void close() {
        watch.close();
        proxy.close();
        admin.close();
        try {
            emulator.close();
        } catch (IOException e) {
            throw new UncheckedIOException("end the emulator", e);
        }
    }
}
