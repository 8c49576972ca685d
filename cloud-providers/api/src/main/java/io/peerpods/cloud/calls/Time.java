package io.peerpods.cloud.calls;

import java.time.Duration;

/** The clock that pacing and waiting go by. */
public interface Time {

    /** The real one. */
    Time REAL = new Time() {
        @Override
        public long nanos() {
            return System.nanoTime();
        }

        @Override
        public void sleep(Duration time) throws InterruptedException {
            Thread.sleep(time);
        }
    };

    /** Nanoseconds since some moment; never goes back. */
    long nanos();

    /** Lets that much time pass. */
    void sleep(Duration time) throws InterruptedException;
}
