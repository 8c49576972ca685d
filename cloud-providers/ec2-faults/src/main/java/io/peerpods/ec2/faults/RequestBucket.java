package io.peerpods.ec2.faults;

/** EC2's own metering of one kind of call: a burst, and a refill a second. */
final class RequestBucket {

    private final double burst;
    private final double perSecond;
    private double tokens;
    private long filledAt = System.nanoTime();

    RequestBucket(double burst, double perSecond) {
        this.burst = burst;
        this.perSecond = perSecond;
        this.tokens = burst;
    }

    synchronized boolean take() {
        long now = System.nanoTime();
        tokens = Math.min(burst, tokens + (now - filledAt) / 1e9 * perSecond);
        filledAt = now;
        boolean taken = tokens >= 1;
        if (taken) {
            tokens -= 1;
        }
        return taken;
    }
}
