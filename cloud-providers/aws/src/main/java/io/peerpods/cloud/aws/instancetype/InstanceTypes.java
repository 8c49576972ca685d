package io.peerpods.cloud.aws.instancetype;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.ec2.model.DescribeInstanceTypesRequest;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.GpuDeviceInfo;
import software.amazon.awssdk.services.ec2.model.InstanceTypeInfo;
import software.amazon.awssdk.services.ec2.model.SupportedAdditionalProcessorFeature;

/** Describes instance types, a hundred in a call. */
public final class InstanceTypes {

    private static final int MOST_IN_A_CALL = 100;

    private final Ec2Api ec2;

    public InstanceTypes(Ec2Api ec2) {
        this.ec2 = ec2;
    }

    /**
     * The types with these names that exist in this region, by name. A filter asks, because one unknown name among InstanceTypes
     * fails the whole call.
     */
    public Map<String, InstanceType> describe(Set<String> names) throws CloudException, InterruptedException {
        Map<String, InstanceType> found = new LinkedHashMap<>();
        List<String> all = List.copyOf(names);
        for (int from = 0; from < all.size(); from += MOST_IN_A_CALL) {
            List<String> some = all.subList(from, Math.min(all.size(), from + MOST_IN_A_CALL));
            String next = "";
            do {
                var request = DescribeInstanceTypesRequest.builder()
                        .filters(Filter.builder()
                                .name("instance-type")
                                .values(some)
                                .build());
                if (!next.isEmpty()) {
                    request.nextToken(next);
                }
                var page = ec2.describeInstanceTypes(request.build());
                for (InstanceTypeInfo info : page.instanceTypes()) {
                    // A filter's value may be a pattern, a name of the list is none.
                    if (names.contains(info.instanceTypeAsString())) {
                        found.put(info.instanceTypeAsString(), type(info));
                    }
                }
                next = page.nextToken() == null ? "" : page.nextToken();
            } while (!next.isEmpty());
        }
        return found;
    }

    static InstanceType type(InstanceTypeInfo info) {
        List<GpuDeviceInfo> gpus =
                info.gpuInfo() == null ? List.of() : info.gpuInfo().gpus();
        var processor = info.processorInfo();
        boolean snp = processor != null
                && processor.supportedFeatures().contains(SupportedAdditionalProcessorFeature.AMD_SEV_SNP);
        var network = info.networkInfo();
        return new InstanceType(
                info.instanceTypeAsString(),
                info.vCpuInfo() == null ? 0 : orZero(info.vCpuInfo().defaultVCpus()),
                info.memoryInfo() == null || info.memoryInfo().sizeInMiB() == null
                        ? 0
                        : info.memoryInfo().sizeInMiB(),
                gpus.stream().mapToInt(InstanceTypes::count).sum(),
                gpus.isEmpty() || gpus.getFirst().name() == null
                        ? ""
                        : gpus.getFirst().name(),
                processor == null ? Set.of() : new HashSet<>(processor.supportedArchitecturesAsStrings()),
                network == null ? 0 : orZero(network.maximumNetworkInterfaces()),
                snp,
                new HashSet<>(info.supportedBootModesAsStrings()));
    }

    /** A fraction of a GPU (g6f) counts as one: EC2 gives no count of whole GPUs then, or zero. */
    static int count(GpuDeviceInfo gpu) {
        return Math.max(1, Math.max(orZero(gpu.count()), orZero(gpu.logicalGpuCount())));
    }

    private static int orZero(@Nullable Integer number) {
        return number == null ? 0 : number;
    }
}
