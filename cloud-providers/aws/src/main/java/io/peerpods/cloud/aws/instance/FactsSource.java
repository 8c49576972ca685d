package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Gathers {@link LaunchFacts} once, when they are first needed or as early as EC2 can be asked. Thread-safe. */
public final class FactsSource {

    /** How they are gathered. */
    public interface Gathering {
        LaunchFacts gather() throws CloudException, InterruptedException;
    }

    private final Gathering gathering;
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable LaunchFacts facts;

    public FactsSource(Gathering gathering) {
        this.gathering = gathering;
    }

    /** The facts; a failure is not remembered. */
    public LaunchFacts get() throws CloudException, InterruptedException {
        lock.lockInterruptibly();
        try {
            LaunchFacts known = facts;
            if (known == null) {
                known = gathering.gather();
                facts = known;
            }
            return known;
        } finally {
            lock.unlock();
        }
    }
}
