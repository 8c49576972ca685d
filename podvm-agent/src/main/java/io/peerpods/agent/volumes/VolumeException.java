package io.peerpods.agent.volumes;

/** A volume cannot be used; the message says which, why, and what helps. */
public final class VolumeException extends Exception {

    private static final long serialVersionUID = 1L;

    VolumeException(String message) {
        super(message);
    }

    VolumeException(String message, Throwable cause) {
        super(message, cause);
    }
}
