package io.peerpods.cloud.aws.instancetype;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ec2.model.GpuDeviceInfo;
import software.amazon.awssdk.services.ec2.model.InstanceTypeInfo;

final class InstanceTypesTest {

    private static InstanceType with(GpuDeviceInfo gpu) {
        return InstanceTypes.type(InstanceTypeInfo.builder()
                .instanceType("g6f.large")
                .vCpuInfo(v -> v.defaultVCpus(2))
                .memoryInfo(m -> m.sizeInMiB(8192L))
                .gpuInfo(g -> g.gpus(gpu))
                .build());
    }

    private static Demand demand(int gpus) {
        return new Demand("", 1, 1024, gpus, "", 1, false, "");
    }

    @Test
    void aPodWithoutAGpuNeverGetsAFractionOfOne() {
        for (GpuDeviceInfo gpu : new GpuDeviceInfo[] {
            GpuDeviceInfo.builder().name("L4").count(0).gpuPartitionSize(0.125).build(),
            GpuDeviceInfo.builder()
                    .name("L4")
                    .logicalGpuCount(1)
                    .gpuPartitionSize(0.125)
                    .build(),
            GpuDeviceInfo.builder().name("L4").build()
        }) {
            assertThat(with(gpu).gpus()).isEqualTo(1);
            assertThat(demand(0).fits(with(gpu))).isFalse();
            assertThat(demand(1).fits(with(gpu))).isTrue();
        }
    }

    @Test
    void wholeGpusAreCounted() {
        assertThat(with(GpuDeviceInfo.builder().name("L4").count(4).build()).gpus())
                .isEqualTo(4);
    }
}
