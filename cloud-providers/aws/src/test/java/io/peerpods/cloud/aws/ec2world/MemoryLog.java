package io.peerpods.cloud.aws.ec2world;

import io.peerpods.cloud.LaunchLog;
import java.util.Optional;

/** A launch log that survives what the test does to the provider; it can crash the adaptor at a write. */
public final class MemoryLog implements LaunchLog {

    /** The end of the process, as far as the test is concerned. */
    public static final class Crash extends Error {
        private static final long serialVersionUID = 1L;
    }

    private Optional<String> text = Optional.empty();
    private int writes;
    private int crashAt;

    /** Crashes instead of the write of this number, counted from 1 and from now. */
    public MemoryLog crashAt(int write) {
        writes = 0;
        crashAt = write;
        return this;
    }

    @Override
    public synchronized Optional<String> last() {
        return text;
    }

    @Override
    public synchronized void write(String text) {
        writes++;
        if (writes == crashAt) {
            throw new Crash();
        }
        this.text = Optional.of(text);
    }

    /** How many writes there were since the last {@link #crashAt}. */
    public synchronized int writes() {
        return writes;
    }
}
