package io.peerpods.vpc.vm;

import io.peerpods.vpc.model.NicRequest;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A pod VM to start. Its NICs, user-data and metadata may come from elsewhere, such as an emulated EC2.
 *
 * @param id its instance id; at most 63 characters of {@code [a-z0-9-]}
 * @param hostname as {@code hostname} prints it in the VM
 * @param nics the first one is the primary
 * @param userData plain, as the metadata service answers it; empty: there is none (404)
 * @param bootDelay how long the programs of the image wait before they start, like a kernel's boot
 * @param metadata further answers of the metadata service, by path below {@code /latest/meta-data/}; they win over the VPC's own
 * @param tags kept with the VM, never shown to it
 */
public record VmRequest(
        String id,
        String hostname,
        List<NicRequest> nics,
        String userData,
        VmImage image,
        Duration bootDelay,
        Map<String, String> metadata,
        Map<String, String> tags) {

    public VmRequest {
        nics = List.copyOf(nics);
        metadata = Map.copyOf(metadata);
        tags = Map.copyOf(tags);
        if (!id.matches("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")) {
            throw new IllegalArgumentException("a VM's id is 1 to 63 characters of [a-z0-9-], not '" + id + "'");
        }
        if (!hostname.matches("[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")) {
            throw new IllegalArgumentException("no host name: '" + hostname + "'");
        }
        if (nics.isEmpty() || !nics.getFirst().arrival().isZero()) {
            throw new IllegalArgumentException("VM " + id + " needs a primary NIC that is there from the start");
        }
    }

    /** With NICs in these subnets, and nothing special. */
    public static VmRequest of(String id, String userData, VmImage image, int... subnets) {
        List<NicRequest> nics =
                java.util.Arrays.stream(subnets).mapToObj(NicRequest::in).toList();
        return new VmRequest(id, id, nics, userData, image, Duration.ZERO, Map.of(), Map.of());
    }

    public VmRequest withNics(List<NicRequest> other) {
        return new VmRequest(id, hostname, other, userData, image, bootDelay, metadata, tags);
    }

    public VmRequest withBootDelay(Duration other) {
        return new VmRequest(id, hostname, nics, userData, image, other, metadata, tags);
    }

    public VmRequest withMetadata(Map<String, String> other) {
        return new VmRequest(id, hostname, nics, userData, image, bootDelay, other, tags);
    }

    public VmRequest withTags(Map<String, String> other) {
        return new VmRequest(id, hostname, nics, userData, image, bootDelay, metadata, other);
    }
}
