package io.peerpods.ec2.faults;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/** Something that goes wrong with calls of one kind, a number of times. */
final class Fault {

    /** What goes wrong. */
    sealed interface Kind {
        /** An error instead of the effect. */
        record Refuse(Answer answer) implements Kind {}

        /** The effect, and then an error. */
        record FailAfter(Answer answer) implements Kind {}

        /** The effect, and then the connection is cut. */
        record LoseAnswer() implements Kind {}

        /** The effect, and the answer a long time later. */
        record Stall(Duration time) implements Kind {}
    }

    private final String action;
    private final Predicate<Call> matching;
    private final Kind kind;
    private final AtomicInteger left;

    Fault(String action, Predicate<Call> matching, int times, Kind kind) {
        this.action = action;
        this.matching = matching;
        this.left = new AtomicInteger(times);
        this.kind = kind;
    }

    Kind kind() {
        return kind;
    }

    /** Whether it hits this call; each hit counts. */
    boolean hits(Call call) {
        return action.equals(call.action())
                && matching.test(call)
                && left.getAndUpdate(count -> Math.max(0, count - 1)) > 0;
    }
}
