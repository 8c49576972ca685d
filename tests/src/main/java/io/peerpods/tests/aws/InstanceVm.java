package io.peerpods.tests.aws;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.MacAddress;
import io.peerpods.vpc.model.NicRequest;
import io.peerpods.vpc.vm.VmImage;
import io.peerpods.vpc.vm.VmRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.GroupIdentifier;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceAttributeName;
import software.amazon.awssdk.services.ec2.model.InstanceNetworkInterface;
import software.amazon.awssdk.services.ec2.model.Tag;

/**
 * What a VM must be to be an instance.
 *
 * @param subnets the ids of the VPC's subnets, in their order there
 */
record InstanceVm(Ec2Client ec2, VmImage image, List<String> subnets) {

    private static final byte[] GZIP = {0x1f, (byte) 0x8b};

    /** The VM of an instance, with exactly what EC2 says of it. */
    VmRequest request(Instance instance) {
        String hostname =
                "ip-" + interfaces(instance).getFirst().privateIpAddress().replace('.', '-');
        Map<String, String> tags = instance.tags().stream().collect(Collectors.toMap(Tag::key, Tag::value));
        return new VmRequest(
                instance.instanceId(),
                hostname,
                nics(instance),
                userData(instance),
                image,
                Duration.ZERO,
                metadata(instance),
                tags);
    }

    /** The interfaces that it has by now, by their device index. */
    List<NicRequest> nics(Instance instance) {
        return interfaces(instance).stream()
                .map(nic -> NicRequest.of(
                        place(nic.subnetId()),
                        IpAddresses.parse(nic.privateIpAddress()),
                        MacAddress.of(nic.macAddress())))
                .toList();
    }

    private static List<InstanceNetworkInterface> interfaces(Instance instance) {
        return instance.networkInterfaces().stream()
                .sorted(Comparator.comparing(nic -> nic.attachment().deviceIndex()))
                .toList();
    }

    private int place(String subnet) {
        int place = subnets.indexOf(subnet);
        if (place < 0) {
            throw new IllegalArgumentException("the VPC does not have subnet " + subnet);
        }
        return place;
    }

    private static Map<String, String> metadata(Instance instance) {
        String zone = instance.placement().availabilityZone();
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("ami-id", instance.imageId());
        metadata.put("instance-type", instance.instanceTypeAsString());
        metadata.put("placement/availability-zone", zone);
        metadata.put("placement/region", zone.substring(0, zone.length() - 1));
        for (InstanceNetworkInterface nic : interfaces(instance)) {
            String at = "network/interfaces/macs/" + nic.macAddress() + "/";
            metadata.put(at + "interface-id", nic.networkInterfaceId());
            metadata.put(at + "subnet-id", nic.subnetId());
            metadata.put(at + "vpc-id", nic.vpcId());
            metadata.put(
                    at + "security-group-ids",
                    nic.groups().stream().map(GroupIdentifier::groupId).collect(Collectors.joining("\n")));
        }
        return metadata;
    }

    private String userData(Instance instance) {
        var attribute = ec2.describeInstanceAttribute(
                r -> r.instanceId(instance.instanceId()).attribute(InstanceAttributeName.USER_DATA));
        String encoded =
                attribute.userData() == null ? null : attribute.userData().value();
        return encoded == null ? "" : text(Base64.getDecoder().decode(encoded));
    }

    /** EC2 hands out the bytes as they came and the VM unpacks them; the VPC's metadata service knows texts only. */
    private static String text(byte[] bytes) {
        if (bytes.length < 2 || bytes[0] != GZIP[0] || bytes[1] != GZIP[1]) {
            return new String(bytes, StandardCharsets.UTF_8);
        }
        try (InputStream plain = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
            return new String(plain.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("unpack the user-data", e);
        }
    }
}
