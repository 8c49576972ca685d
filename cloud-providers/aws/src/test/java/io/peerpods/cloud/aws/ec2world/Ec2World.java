package io.peerpods.cloud.aws.ec2world;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.VolumeSpec;
import io.peerpods.cloud.Worker;
import io.peerpods.cloud.aws.AwsCloud;
import io.peerpods.cloud.aws.AwsType;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.ec2.faults.FaultProxy;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Address;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.NetworkInterface;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;
import software.amazon.awssdk.services.ec2.model.Volume;

/**
 * An EC2 account with a VPC for pod VMs: subnets in two zones, primary and secondary ones, a group for VMs and one for
 * workers. Behind {@link #proxy}, which providers under test talk to; {@link #admin} talks to EC2 itself.
 */
public final class Ec2World implements AutoCloseable {

    private final FaultProxy proxy;
    private final Ec2Client admin;
    private final String image;
    private final Map<String, String> ids = new HashMap<>();
    private final List<AwsCloud> clouds = new ArrayList<>();

    private Ec2World(FaultProxy proxy, Ec2Client admin, String image) {
        this.proxy = proxy;
        this.admin = admin;
        this.image = image;
    }

    static Ec2World make(Ec2BackEnd backEnd) throws IOException {
        backEnd.reset();
        Ec2Client admin = Ec2Client.builder()
                .region(Region.US_EAST_1)
                .endpointOverride(backEnd.endpoint())
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("admin", "admin")))
                .httpClientBuilder(UrlConnectionHttpClient.builder())
                .build();
        Ec2World world = new Ec2World(FaultProxy.start(backEnd.endpoint()), admin, backEnd.image());
        world.build();
        return world;
    }

    private void build() {
        String vpc = admin.createVpc(r -> r.cidrBlock("10.20.0.0/16")).vpc().vpcId();
        ids.put("vpc", vpc);
        subnet("primary-a", "us-east-1a", "10.20.1.0/24");
        subnet("primary-b", "us-east-1b", "10.20.2.0/24");
        subnet("secondary-a", "us-east-1a", "10.20.11.0/24");
        subnet("secondary-b", "us-east-1b", "10.20.12.0/24");
        group("vms");
        group("vms-external");
        group("workers");
    }

    private void subnet(String name, String zone, String cidr) {
        ids.put(
                name,
                admin.createSubnet(
                                r -> r.vpcId(id("vpc")).availabilityZone(zone).cidrBlock(cidr))
                        .subnet()
                        .subnetId());
    }

    private void group(String name) {
        ids.put(
                name,
                admin.createSecurityGroup(
                                r -> r.vpcId(id("vpc")).groupName(name).description(name))
                        .groupId());
    }

    /** The id of something in this world, by its name here. */
    public String id(String name) {
        String id = ids.get(name);
        if (id == null) {
            throw new IllegalArgumentException("there is no " + name + " among " + ids.keySet());
        }
        return id;
    }

    public FaultProxy proxy() {
        return proxy;
    }

    public Ec2Client admin() {
        return admin;
    }

    /** A client of its own, to be closed by who asks for it. */
    public Ec2Client client() {
        return Ec2Client.builder()
                .region(Region.US_EAST_1)
                .endpointOverride(proxy.endpoint())
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")))
                .httpClientBuilder(UrlConnectionHttpClient.builder())
                .build();
    }

    public String image() {
        return image;
    }

    /** Gives a subnet a route to an internet gateway. */
    public void openToInternet(String subnet) {
        String gateway = admin.createInternetGateway().internetGateway().internetGatewayId();
        admin.attachInternetGateway(r -> r.internetGatewayId(gateway).vpcId(id("vpc")));
        String table =
                admin.createRouteTable(r -> r.vpcId(id("vpc"))).routeTable().routeTableId();
        admin.createRoute(
                r -> r.routeTableId(table).destinationCidrBlock("0.0.0.0/0").gatewayId(gateway));
        admin.associateRouteTable(r -> r.routeTableId(table).subnetId(id(subnet)));
    }

    /** A volume that a pod may mount. */
    public String volume(String zone) {
        return admin.createVolume(r -> r.availabilityZone(zone).size(1)).volumeId();
    }

    /** An instance with this worker's tags and these, made by another program. */
    public String instance(Map<String, String> tags) {
        Map<String, String> all = new HashMap<>(Map.of("peerpods:cluster", "cluster-1", "peerpods:node", "worker-1"));
        all.putAll(tags);
        List<Tag> list = new ArrayList<>();
        all.forEach((key, value) -> list.add(Tag.builder().key(key).value(value).build()));
        TagSpecification tagged = TagSpecification.builder()
                .resourceType(ResourceType.INSTANCE)
                .tags(list)
                .build();
        return admin.runInstances(r -> r.imageId(image).minCount(1).maxCount(1).tagSpecifications(tagged))
                .instances()
                .getFirst()
                .instanceId();
    }

    /** The worker whose pods are launched. */
    public static Worker worker(boolean externalNetwork) {
        return onMachine(externalNetwork, "machine-1");
    }

    private static Worker onMachine(boolean externalNetwork, String machine) {
        return new Worker("cluster-1", "worker-1", Path.of("/nonexistent"), externalNetwork, 15150, 4789, machine);
    }

    /** Settings that work in this world, plus others, by flag. */
    public Map<String, String> settings(Map<String, String> others) {
        Map<String, String> all = new HashMap<>(Map.of(
                "aws-access-key-id", "test",
                "aws-secret-key", "test",
                "aws-region", "us-east-1",
                "aws-endpoint-url", proxy.endpoint().toString(),
                "aws-metadata-endpoint", "http://127.0.0.1:9",
                "imageid", image,
                "disable-cvm", "true",
                "subnetid", id("primary-a") + "," + id("primary-b"),
                "securitygroupids", id("vms")));
        all.putAll(others);
        return all;
    }

    /** A provider that talks to the proxy. Closed together with this world. */
    public AwsCloud open(boolean externalNetwork, Map<String, String> others)
            throws CloudException, InterruptedException {
        return open(worker(externalNetwork), others);
    }

    /** A provider of a worker with the same name on another machine. */
    public AwsCloud openOn(String machine) throws CloudException, InterruptedException {
        return open(onMachine(false, machine), Map.of());
    }

    private AwsCloud open(Worker worker, Map<String, String> others) throws CloudException, InterruptedException {
        AwsConfig config = AwsConfig.of(new FlagSettings(new AwsType().settings(), settings(others)));
        AwsCloud cloud = AwsCloud.open(config, worker, Duration.ofMillis(100), Duration.ofSeconds(2));
        clouds.add(cloud);
        cloud.awaitFirstLook(Duration.ofMinutes(1));
        proxy.forgetCalls();
        return cloud;
    }

    /** A provider for pods that leave by the worker. */
    public AwsCloud open() throws CloudException, InterruptedException {
        return open(false, Map.of());
    }

    /** What a pod without wishes wants. */
    public static LaunchSpec spec(String sandbox) {
        return spec(sandbox, false, List.of());
    }

    public static LaunchSpec spec(String sandbox, boolean externalNetwork, List<VolumeSpec> volumes) {
        return new LaunchSpec(
                SandboxId.parse(sandbox),
                "pod-" + sandbox,
                "default",
                "podvm-pod-" + sandbox,
                "#cloud-config\nwrite_files:\n- path: /run/peerpod/apf.json\n",
                externalNetwork,
                "",
                0,
                0,
                0,
                "",
                "",
                volumes);
    }

    /** What there is in the account. */
    public record Inventory(int instances, int interfaces, int addresses, int volumes) {

        @Override
        public String toString() {
            return instances + " instances, " + interfaces + " interfaces, " + addresses + " addresses, " + volumes
                    + " volumes";
        }
    }

    public Inventory inventory() {
        return new Inventory(
                instances().size(),
                interfaces().size(),
                addresses().size(),
                volumes().size());
    }

    /** The instances that are not terminated. */
    public List<Instance> instances() {
        return admin.describeInstancesPaginator().reservations().stream()
                .flatMap(reservation -> reservation.instances().stream())
                .filter(instance -> instance.state().name() != InstanceStateName.TERMINATED
                        && instance.state().name() != InstanceStateName.SHUTTING_DOWN)
                .toList();
    }

    public List<NetworkInterface> interfaces() {
        return admin.describeNetworkInterfaces().networkInterfaces();
    }

    public List<Address> addresses() {
        return admin.describeAddresses().addresses();
    }

    public List<Volume> volumes() {
        return admin.describeVolumes().volumes();
    }

    @Override
    public void close() {
        clouds.forEach(AwsCloud::close);
        proxy.close();
        admin.close();
    }
}
