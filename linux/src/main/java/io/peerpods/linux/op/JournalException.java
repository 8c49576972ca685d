package io.peerpods.linux.op;

/** The journal cannot be read or written. Nothing has been done that is not in it. */
public final class JournalException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    JournalException(String message, Throwable cause) {
        super(message, cause);
    }

    JournalException(String message) {
        super(message);
    }
}
