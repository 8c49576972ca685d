package io.peerpods.cloud.aws.instance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.cloud.CloudException.Unavailable;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.ec2.Ec2ClientSource;
import io.peerpods.cloud.aws.ec2world.Ec2Test;
import io.peerpods.cloud.aws.ec2world.Ec2World;
import io.peerpods.cloud.calls.Time;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

@Ec2Test
final class InstanceWatchTest {

    private static final Duration PATIENCE = Duration.ofMinutes(1);

    @Test
    void aFailureOfThePollerReachesWhoWaitsAndTheNextWaitSucceeds(Ec2World world) throws Exception {
        String id = world.instance(Map.of());
        try (Ec2Api ec2 = new Ec2Api(new Ec2ClientSource(world::client), Time.REAL);
                InstanceWatch watch = new InstanceWatch(ec2, Duration.ofMillis(10))) {
            assertThatThrownBy(() -> watch.await(
                            id,
                            "trouble",
                            instance -> {
                                throw new IllegalStateException("as told");
                            },
                            PATIENCE))
                    .isInstanceOf(Unavailable.class)
                    .hasMessageContaining("as told");
            assertThatThrownBy(() -> watch.await(
                            id,
                            "trouble",
                            instance -> {
                                throw new NoClassDefFoundError("an error");
                            },
                            PATIENCE))
                    .isInstanceOf(Unavailable.class)
                    .hasMessageContaining("an error");

            assertThat(watch.await(id, "running", InstanceWatch::isRunning, PATIENCE)
                            .instanceId())
                    .isEqualTo(id);
        }
    }
}
