package io.peerpods.daemon;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a failure says to the operator: one line without a stack trace. The trace is logged at level debug. */
public final class FailureText {

    private static final Logger log = LoggerFactory.getLogger(FailureText.class);

    private FailureText() {}

    /**
     * The message of a failure, on one line. What was not foreseen (an unchecked exception, an error, a failure without a message) also
     * names its class, and how to see its trace.
     */
    public static String of(Throwable failure) {
        String message = failure.getMessage();
        boolean unchecked = failure instanceof RuntimeException || failure instanceof Error;
        return message != null && !message.isBlank() && !unchecked
                ? oneLine(message)
                : "unexpected " + oneLine(failure.toString()) + " (" + Logs.LEVEL.names() + " debug shows where)";
    }

    /** Logs the trace at level debug. */
    public static void trace(Throwable failure) {
        log.debug("where the failure was", failure);
    }

    /** Threads that end by a failure leave one line in the log, not a trace on standard error. */
    public static void takeUncaught() {
        Thread.setDefaultUncaughtExceptionHandler((thread, failure) -> {
            log.error("thread {} ended: {}", thread.getName(), of(failure));
            trace(failure);
        });
    }

    static String oneLine(String text) {
        return text.strip().replaceAll("\\s*[\\r\\n]+\\s*", "; ");
    }
}
