package io.peerpods.cloud.aws.instancetype;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.aws.pricing.Prices;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class TypeChoiceTest {

    private final Prices none = prices("");

    private static Prices prices(String table) {
        return Prices.parse("prices", table.lines().toList());
    }

    private static InstanceType type(String name, int vcpus, long gib, int gpus) {
        return new InstanceType(
                name, vcpus, gib * 1024, gpus, gpus > 0 ? "A10G" : "", Set.of("x86_64"), 3, true, Set.of());
    }

    private static TypeChoice choice(Prices prices, InstanceType... types) {
        Map<String, InstanceType> known = new LinkedHashMap<>();
        for (InstanceType type : types) {
            known.put(type.name(), type);
        }
        return new TypeChoice(known, types[0].name(), List.copyOf(known.keySet()), prices);
    }

    private static Demand size(double vcpus, long mib, int gpus) {
        return new Demand("", vcpus, mib, gpus, "", 1, false, "x86_64");
    }

    private static Demand exact(String name) {
        return new Demand(name, 0, 0, 0, "", 1, false, "x86_64");
    }

    @Test
    void theSizesThatABinarySearchGetsWrongAreRight() throws Exception {
        TypeChoice choice = choice(
                none,
                type("r5.large", 2, 16, 0),
                type("c5.2xlarge", 8, 16, 0),
                type("r5.xlarge", 4, 32, 0),
                type("r5.2xlarge", 8, 64, 0));

        assertThat(choice.choose(size(8, 16 * 1024, 0)).getFirst().name()).isEqualTo("c5.2xlarge");
    }

    @Test
    void everyRequestGetsWhatBruteForceFinds() throws Exception {
        Random random = new Random(20261121);
        for (int round = 0; round < 3000; round++) {
            int count = 1 + random.nextInt(12);
            InstanceType[] types = new InstanceType[count];
            StringBuilder table = new StringBuilder();
            for (int i = 0; i < count; i++) {
                int gpus = random.nextInt(4) == 0 ? 1 + random.nextInt(4) : 0;
                types[i] = type("t" + i + ".x", 1 << random.nextInt(7), 1 + random.nextInt(64), gpus);
                if (random.nextInt(3) > 0) {
                    table.append("t")
                            .append(i)
                            .append(".x ")
                            .append(1 + random.nextInt(5))
                            .append('\n');
                }
            }
            Prices prices = prices(table.toString());
            TypeChoice choice = choice(prices, types);
            Demand demand = size(
                    random.nextInt(3) == 0 ? 0 : random.nextInt(130) / 2.0,
                    random.nextInt(3) == 0 ? 0 : random.nextInt(66_000),
                    random.nextInt(4) == 0 ? random.nextInt(5) : 0);
            Optional<InstanceType> best = bruteForce(types, demand, prices);
            if (demand.isUnsized()) {
                assertThat(choice.choose(demand).getFirst()).isEqualTo(types[0]);
            } else if (best.isPresent()) {
                assertThat(choice.choose(demand).getFirst())
                        .as("round %s, %s", round, demand)
                        .isEqualTo(best.get());
            } else {
                assertThatThrownBy(() -> choice.choose(demand)).isInstanceOf(CloudException.InvalidRequest.class);
            }
        }
    }

    private static Optional<InstanceType> bruteForce(InstanceType[] types, Demand demand, Prices prices) {
        Optional<InstanceType> best = Optional.empty();
        for (InstanceType type : types) {
            boolean fits = type.vcpus() >= demand.vcpus()
                    && type.memoryMib() >= demand.memoryMib()
                    && (demand.gpus() > 0 ? type.gpus() >= demand.gpus() : type.gpus() == 0);
            if (fits && (best.isEmpty() || better(type, best.get(), prices))) {
                best = Optional.of(type);
            }
        }
        return best;
    }

    private static boolean better(InstanceType one, InstanceType other, Prices prices) {
        double mine = prices.dollarsAnHour(one.name()).orElse(Double.MAX_VALUE);
        double theirs = prices.dollarsAnHour(other.name()).orElse(Double.MAX_VALUE);
        if (mine != theirs) {
            return mine < theirs;
        }
        if (one.gpus() != other.gpus()) {
            return one.gpus() < other.gpus();
        }
        if (one.memoryMib() != other.memoryMib()) {
            return one.memoryMib() < other.memoryMib();
        }
        return one.vcpus() != other.vcpus()
                ? one.vcpus() < other.vcpus()
                : one.name().compareTo(other.name()) < 0;
    }

    @Test
    void theCheaperOneWinsOverTheSmallerOne() throws Exception {
        TypeChoice choice = choice(prices("a.x 0.2\nb.x 0.1\n"), type("a.x", 2, 8, 0), type("b.x", 4, 16, 0));

        assertThat(choice.choose(size(2, 0, 0))).extracting(InstanceType::name).containsExactly("b.x", "a.x");
    }

    @Test
    void aFractionOfAProcessorIsRoundedUpNotDown() throws Exception {
        TypeChoice choice = choice(none, type("one.x", 1, 4, 0), type("two.x", 2, 8, 0));

        assertThat(choice.choose(size(1.5, 0, 0)).getFirst().name()).isEqualTo("two.x");
    }

    @Test
    void messagesKeepTheWordsThatTestsOfUsersLookFor() {
        TypeChoice choice = choice(none, type("one.x", 1, 4, 0));

        assertThatThrownBy(() -> choice.choose(exact("m5.huge")))
                .hasMessageContaining(
                        "requested instance type (\"m5.huge\") is not part of supported instance types list");
        assertThatThrownBy(() -> choice.choose(size(3, 12288, 0)))
                .hasMessage(
                        "failed to get instance type based on vCPU and memory annotations: no instance type found for"
                                + " the given vcpus (3) and memory (12288)");
    }

    @Test
    void typesWithGpusAreForThoseWhoAskForGpus() throws Exception {
        TypeChoice choice = choice(
                prices("gpu.x 0.01"), type("small.x", 2, 4, 0), type("gpu.x", 8, 64, 1), type("large.x", 8, 64, 0));

        assertThat(choice.choose(size(8, 0, 0)).getFirst().name()).isEqualTo("large.x");
        assertThat(choice.choose(size(0, 0, 1)).getFirst().name()).isEqualTo("gpu.x");
        assertThatThrownBy(() -> choice.choose(new Demand("", 0, 0, 1, "T4", 1, false, "")))
                .hasMessageContaining("T4");
    }

    @Test
    void aPodWithoutWishesGetsTheDefaultAndForWantOfCapacityOneAtLeastAsLarge() throws Exception {
        TypeChoice choice = choice(none, type("b.x", 2, 8, 0), type("a.x", 1, 4, 0), type("c.x", 4, 16, 0));

        assertThat(choice.choose(size(0, 0, 0))).extracting(InstanceType::name).containsExactly("b.x", "c.x");
    }

    @Test
    void whatATypeLacksIsNamed() {
        InstanceType plain = new InstanceType("t3.x", 2, 4096, 0, "", Set.of("x86_64"), 1, false, Set.of());
        TypeChoice choice = choice(none, plain);

        assertThatThrownBy(() -> choice.choose(new Demand("", 1, 0, 0, "", 1, true, "")))
                .hasMessageContaining("DISABLECVM=true");
        assertThatThrownBy(() -> choice.choose(new Demand("t3.x", 0, 0, 0, "", 2, false, "")))
                .hasMessageContaining("network interfaces");
        assertThatThrownBy(() -> choice.choose(new Demand("", 0, 0, 0, "", 1, false, "arm64")))
                .hasMessageContaining("arm64");
    }
}
