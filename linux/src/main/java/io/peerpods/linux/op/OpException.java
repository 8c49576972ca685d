package io.peerpods.linux.op;

/** An op that could not be done or undone: which one, and why. Further failures of the same run are suppressed exceptions of it. */
public final class OpException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient Op op;

    OpException(Op op, String attempted, RuntimeException cause) {
        super(attempted + " " + op.describe() + ": " + cause.getMessage(), cause);
        this.op = op;
    }

    /** The op that failed. */
    public Op op() {
        return op;
    }
}
