package io.peerpods.cloud.aws.ec2;

import io.peerpods.cloud.calls.Time;
import io.peerpods.cloud.calls.TokenBucket;

/**
 * Calls that EC2 meters together, with the burst and the refill a second that an account has in a region by default
 * (EC2 API reference, "Request throttling"). Several workers share an account: {@link TokenBucket} finds the share.
 */
enum CallFamily {
    RUN(5, 2),
    TERMINATE(100, 5),
    CHANGE(50, 5),
    DESCRIBE(100, 20);

    private final double burst;
    private final double perSecond;

    CallFamily(double burst, double perSecond) {
        this.burst = burst;
        this.perSecond = perSecond;
    }

    TokenBucket bucket(Time time) {
        return new TokenBucket(burst, perSecond, time);
    }
}
