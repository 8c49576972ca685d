package io.peerpods.cloud.aws.pricing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import java.util.List;
import org.junit.jupiter.api.Test;

final class PricesTest {

    @Test
    void aFamilysSizesFollowItsLarge() {
        Prices prices = Prices.parse("t", List.of("m6a.* 0.1  # a family", "", "m6a.metal 7", "m6a.4xlarge 0.5"));

        assertThat(prices.dollarsAnHour("m6a.large")).hasValue(0.1);
        assertThat(prices.dollarsAnHour("m6a.medium").orElseThrow()).isEqualTo(0.05, offset(1e-9));
        assertThat(prices.dollarsAnHour("m6a.12xlarge").orElseThrow()).isEqualTo(2.4, offset(1e-9));
        assertThat(prices.dollarsAnHour("m6a.4xlarge")).hasValue(0.5);
        assertThat(prices.dollarsAnHour("m6a.metal")).hasValue(7);
        assertThat(prices.dollarsAnHour("m6a.weird")).isEmpty();
        assertThat(prices.dollarsAnHour("m7a.large")).isEmpty();
    }

    @Test
    void aLineThatIsWrongIsNamed() {
        assertThatThrownBy(() -> Prices.parse("file", List.of("m6a.* 0.1", "m6a.large cheap")))
                .hasMessageContaining("file:2")
                .hasMessageContaining("m6a.large cheap");
    }

    @Test
    void theBuiltInTableKnowsTheDefaultType() {
        assertThat(Prices.builtIn().dollarsAnHour("m6a.large")).isPresent();
    }
}
