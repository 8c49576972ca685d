package io.peerpods.network.guard;

import io.peerpods.linux.op.Difference;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says what was repaired, in at most one line a minute. For one thread. */
public final class RepairLog {
    private static final Logger log = LoggerFactory.getLogger(RepairLog.class);
    private static final Duration QUIET = Duration.ofMinutes(1);
    /** After a flush all the guards of all pods differ. */
    private static final int NAMED = 3;

    private final String where;
    private final InstantSource clock;
    private Instant next = Instant.MIN;
    private int untold;

    RepairLog(String where, InstantSource clock) {
        this.where = where;
        this.clock = clock;
    }

    void repaired(List<Difference> differences) {
        untold++;
        Instant now = clock.instant();
        if (now.isBefore(next)) {
            return;
        }
        String more = differences.size() > NAMED ? " and " + (differences.size() - NAMED) + " more" : "";
        log.warn(
                "another program removed or changed guards in {}, they are back (repairs since the last line: {}): {}{}",
                where,
                untold,
                differences.subList(0, Math.min(NAMED, differences.size())),
                more);
        untold = 0;
        next = now.plus(QUIET);
    }
}
