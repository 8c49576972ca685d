package io.peerpods.cloud.calls;

import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Paces calls: a call takes a token, tokens come back at a rate. The rate falls when the cloud throttles all the same, because
 * others use the account too, and rises again while it does not. First come, first served. Thread-safe.
 */
public final class TokenBucket {

    private static final double DECREASE = 0.7;
    private static final double INCREASE = 0.05;
    private static final double LEAST = 0.05;
    private static final long BETWEEN_DECREASES = 1_000_000_000L;

    private final double burst;
    private final double nominal;
    private final Time time;
    private final ReentrantLock turn = new ReentrantLock(true);

    private double tokens;
    private double rate;
    private long filledAt;
    private long decreasedAt;

    public TokenBucket(double burst, double perSecond, Time time) {
        this.burst = burst;
        this.nominal = perSecond;
        this.time = time;
        this.tokens = burst;
        this.rate = perSecond;
        this.filledAt = time.nanos();
        this.decreasedAt = filledAt - BETWEEN_DECREASES;
    }

    /** Takes a token, waiting for one when there is none. */
    public void take() throws InterruptedException {
        turn.lockInterruptibly();
        try {
            for (Duration wait = tryTake(); !wait.isZero(); wait = tryTake()) {
                time.sleep(wait);
            }
        } finally {
            turn.unlock();
        }
    }

    private synchronized Duration tryTake() {
        fill();
        if (tokens >= 1) {
            tokens -= 1;
            return Duration.ZERO;
        }
        return Duration.ofNanos((long) Math.ceil((1 - tokens) / rate * 1e9) + 1);
    }

    private void fill() {
        long now = time.nanos();
        tokens = Math.min(burst, tokens + (now - filledAt) / 1e9 * rate);
        filledAt = now;
    }

    /** The cloud refused a call for its number: its bucket is empty, so this one is too, and fills more slowly. */
    public synchronized void throttled() {
        fill();
        tokens = 0;
        long now = time.nanos();
        if (now - decreasedAt >= BETWEEN_DECREASES) {
            rate = Math.max(nominal * LEAST, rate * DECREASE);
            decreasedAt = now;
        }
    }

    /** The cloud took a call. */
    public synchronized void accepted() {
        fill();
        rate = Math.min(nominal, rate + nominal * INCREASE);
    }

    synchronized double rate() {
        return rate;
    }
}
