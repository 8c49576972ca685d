package io.peerpods.cloud.aws.subnet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SubnetsTest {

    private static final Subnet A = new Subnet("subnet-a", "vpc-1", "z-a", "10.0.0.0/24", 9);
    private static final Subnet B = new Subnet("subnet-b", "vpc-1", "z-b", "10.0.1.0/24", 9);
    private static final Subnet B2 = new Subnet("subnet-b2", "vpc-1", "z-b", "10.0.2.0/24", 9);
    private static final Subnet OTHER = new Subnet("subnet-o", "vpc-2", "z-a", "10.9.0.0/24", 9);

    private static final Map<String, Subnet> ALL = Map.of("subnet-a", A, "subnet-b", B, "subnet-b2", B2);

    @Test
    void aSecondaryIsOfThePrimarysZone() throws Exception {
        assertThat(Subnets.match(List.of("subnet-b"), List.of("subnet-a", "subnet-b2"), ALL))
                .containsExactly(new Placement(B, B2));
    }

    @Test
    void withoutSecondariesThePrimaryIsBoth() throws Exception {
        assertThat(Subnets.match(List.of("subnet-a", "subnet-b"), List.of(), ALL))
                .containsExactly(new Placement(A, A), new Placement(B, B));
    }

    @Test
    void aZoneWithoutASecondaryIsNamed() {
        assertThatThrownBy(() -> Subnets.match(List.of("subnet-a"), List.of("subnet-b2"), ALL))
                .hasMessageContaining("z-a")
                .hasMessageContaining("AWS_SECONDARY_SUBNET_IDS");
    }

    @Test
    void severalVpcsAreRefused() {
        assertThatThrownBy(() -> Subnets.match(
                        List.of("subnet-a"), List.of("subnet-o"), Map.of("subnet-a", A, "subnet-o", OTHER)))
                .hasMessageContaining("vpc-1")
                .hasMessageContaining("vpc-2");
    }

    @ParameterizedTest
    @CsvSource({
        "10.0.0.0/8, 10.1.2.3/32, true",
        "10.0.0.0/8, 11.1.2.3/32, false",
        "10.1.2.0/23, 10.1.3.0/24, true",
        "10.1.2.0/24, 10.1.2.0/23, false",
        "0.0.0.0/0, 1.2.3.4, true",
        "0.0.0.0/0, ::1/128, false",
        "fd00::/8, fd00:1::/64, true",
    })
    void aRangeContainsAnother(String range, String other, boolean contains) {
        assertThat(Cidr.of(range).orElseThrow().contains(Cidr.of(other).orElseThrow()))
                .isEqualTo(contains);
    }

    @Test
    void whatIsNoRangeIsNone() {
        assertThat(Cidr.of("example.org/8")).isEmpty();
        assertThat(Cidr.of("10.0.0.0/33")).isEmpty();
        assertThat(Cidr.of("10.0.0.0/x")).isEmpty();
    }
}
