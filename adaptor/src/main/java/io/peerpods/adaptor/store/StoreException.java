package io.peerpods.adaptor.store;

/** The store could not be read or written; what was to be written is not in it. The message names the directory and the way out. */
public final class StoreException extends Exception {

    private static final long serialVersionUID = 1L;

    /** Why, as far as it matters to a caller. */
    public enum Kind {
        /** A value that must be unique is taken. */
        TAKEN,
        /** No space is left. */
        FULL,
        OTHER
    }

    private final Kind kind;

    StoreException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }
}
