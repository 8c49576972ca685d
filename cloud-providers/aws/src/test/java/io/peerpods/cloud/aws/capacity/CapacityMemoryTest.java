package io.peerpods.cloud.aws.capacity;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.cloud.aws.config.CapacityType;
import io.peerpods.cloud.aws.instancetype.InstanceType;
import io.peerpods.cloud.aws.subnet.Placement;
import io.peerpods.cloud.aws.subnet.Subnet;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class CapacityMemoryTest {

    private static final InstanceType LARGE =
            new InstanceType("m6a.large", 2, 8192, 0, "", Set.of("x86_64"), 3, true, Set.of());
    private static final InstanceType XLARGE =
            new InstanceType("m6a.xlarge", 4, 16384, 0, "", Set.of("x86_64"), 4, true, Set.of());
    private static final Placement A = in("a");
    private static final Placement B = in("b");

    private long now;
    private final CapacityMemory memory = new CapacityMemory(() -> now);

    private static Placement in(String zone) {
        Subnet subnet = new Subnet("subnet-" + zone, "vpc-1", "zone-" + zone, "10.0.0.0/24", 100);
        return new Placement(subnet, subnet);
    }

    @Test
    void oneTypeInOneZoneIsLeftAloneForThreeMinutes() {
        Candidate candidate = new Candidate(LARGE, A, CapacityType.SPOT);
        memory.noInstances(candidate, "none left");

        assertThat(memory.blocked(candidate)).contains("none left");
        assertThat(memory.blocked(new Candidate(LARGE, B, CapacityType.SPOT))).isEmpty();
        assertThat(memory.blocked(new Candidate(LARGE, A, CapacityType.ON_DEMAND)))
                .isEmpty();
        assertThat(memory.blocked(new Candidate(XLARGE, A, CapacityType.SPOT))).isEmpty();

        now += Duration.ofMinutes(3).toNanos();
        assertThat(memory.blocked(candidate)).isEmpty();
    }

    @Test
    void aFullSubnetIsFullForEveryType() {
        memory.noAddresses("subnet-a", "full");

        assertThat(memory.blocked(new Candidate(XLARGE, A, CapacityType.ON_DEMAND)))
                .contains("full");
        assertThat(memory.blocked(new Candidate(XLARGE, B, CapacityType.ON_DEMAND)))
                .isEmpty();
    }

    @Test
    void candidatesGoByCapacityThenTypeThenSubnetStartingElsewhereForEachSandbox() {
        List<Candidate> candidates = Candidates.of(
                List.of(LARGE, XLARGE), List.of(A, B), List.of(CapacityType.SPOT, CapacityType.ON_DEMAND), 1);

        assertThat(candidates)
                .extracting(c -> c.capacity().word() + " " + c.type().name() + " "
                        + c.placement().primary().zone())
                .containsExactly(
                        "spot m6a.large zone-b",
                        "spot m6a.large zone-a",
                        "spot m6a.xlarge zone-b",
                        "spot m6a.xlarge zone-a",
                        "on-demand m6a.large zone-b",
                        "on-demand m6a.large zone-a",
                        "on-demand m6a.xlarge zone-b",
                        "on-demand m6a.xlarge zone-a");
    }
}
