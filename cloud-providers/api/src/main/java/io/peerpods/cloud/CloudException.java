package io.peerpods.cloud;

/** A request to a cloud that failed: what kind of failure, and whether its effect may have happened. */
public abstract sealed class CloudException extends Exception {

    private static final long serialVersionUID = 1L;

    /** Whether the request had its effect. */
    public enum Outcome {
        /** It certainly had none. */
        NOT_DONE,
        /** It may have had: a time-out, a 5xx answer, a cut connection. */
        UNKNOWN
    }

    private final Outcome outcome;

    private CloudException(Outcome outcome, String message, Throwable cause) {
        super(message, cause);
        this.outcome = outcome;
    }

    private CloudException(Outcome outcome, String message) {
        super(message);
        this.outcome = outcome;
    }

    public final Outcome outcome() {
        return outcome;
    }

    /** The cloud asks for fewer calls; the same call works later. */
    public static final class Throttled extends CloudException {
        private static final long serialVersionUID = 1L;

        public Throttled(Outcome outcome, String message, Throwable cause) {
            super(outcome, message, cause);
        }

        public Throttled(Outcome outcome, String message) {
            super(outcome, message);
        }
    }

    /** The cloud has no such VM free there now; another type, zone or time may have. */
    public static final class NoCapacity extends CloudException {
        private static final long serialVersionUID = 1L;

        public NoCapacity(Outcome outcome, String message, Throwable cause) {
            super(outcome, message, cause);
        }

        public NoCapacity(Outcome outcome, String message) {
            super(outcome, message);
        }
    }

    /** An account limit; only the operator can raise it. */
    public static final class QuotaExceeded extends CloudException {
        private static final long serialVersionUID = 1L;

        public QuotaExceeded(Outcome outcome, String message, Throwable cause) {
            super(outcome, message, cause);
        }

        public QuotaExceeded(Outcome outcome, String message) {
            super(outcome, message);
        }
    }

    /** Something named in the request does not exist. */
    public static final class NotFound extends CloudException {
        private static final long serialVersionUID = 1L;

        public NotFound(Outcome outcome, String message, Throwable cause) {
            super(outcome, message, cause);
        }

        public NotFound(Outcome outcome, String message) {
            super(outcome, message);
        }
    }

    /** The request can never work as it is. */
    public static final class InvalidRequest extends CloudException {
        private static final long serialVersionUID = 1L;

        public InvalidRequest(Outcome outcome, String message, Throwable cause) {
            super(outcome, message, cause);
        }

        public InvalidRequest(Outcome outcome, String message) {
            super(outcome, message);
        }
    }

    /** The credentials are missing, expired, or not allowed to do this. */
    public static final class Unauthorized extends CloudException {
        private static final long serialVersionUID = 1L;

        public Unauthorized(Outcome outcome, String message, Throwable cause) {
            super(outcome, message, cause);
        }

        public Unauthorized(Outcome outcome, String message) {
            super(outcome, message);
        }
    }

    /** The cloud does not answer, or answers that it cannot. */
    public static final class Unavailable extends CloudException {
        private static final long serialVersionUID = 1L;

        public Unavailable(Outcome outcome, String message, Throwable cause) {
            super(outcome, message, cause);
        }

        public Unavailable(Outcome outcome, String message) {
            super(outcome, message);
        }
    }
}
