package io.peerpods.cloud.calls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import java.time.Duration;
import org.junit.jupiter.api.Test;

final class TokenBucketTest {

    /** Time that passes only by sleeping. */
    private static final class StillTime implements Time {

        private long nanos;

        @Override
        public long nanos() {
            return nanos;
        }

        @Override
        public void sleep(Duration time) {
            nanos += time.toNanos();
        }
    }

    private final StillTime time = new StillTime();
    private final TokenBucket bucket = new TokenBucket(5, 2, time);

    private double seconds() {
        return time.nanos / 1e9;
    }

    private void take(int count) throws InterruptedException {
        for (int i = 0; i < count; i++) {
            bucket.take();
        }
    }

    @Test
    void theBurstIsFreeAndTheRestComesAtTheRate() throws InterruptedException {
        take(5);
        assertThat(seconds()).isZero();

        take(20);
        assertThat(seconds()).isEqualTo(10, offset(0.01));
    }

    @Test
    void throttlingEmptiesTheBucketAndSlowsIt() throws InterruptedException {
        bucket.throttled();

        take(1);
        assertThat(bucket.rate()).isEqualTo(1.4, offset(1e-9));
        assertThat(seconds()).isEqualTo(1 / 1.4, offset(0.01));
    }

    @Test
    void manyThrottledAnswersToOneBurstCountOnce() {
        for (int i = 0; i < 10; i++) {
            bucket.throttled();
        }

        assertThat(bucket.rate()).isEqualTo(1.4, offset(1e-9));
    }

    @Test
    void theRateComesBackAndStaysWithinItsBounds() throws InterruptedException {
        for (int i = 0; i < 100; i++) {
            bucket.throttled();
            time.sleep(Duration.ofSeconds(2));
        }
        assertThat(bucket.rate()).isEqualTo(0.1, offset(1e-9));

        for (int i = 0; i < 100; i++) {
            bucket.accepted();
        }
        assertThat(bucket.rate()).isEqualTo(2, offset(1e-9));
    }
}
