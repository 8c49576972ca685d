package io.peerpods.network.spec;

/** The network of a pod is not something that can be carried into a VM; the message says what was found, where, and the way out. */
public final class PodNetworkException extends Exception {
    private static final long serialVersionUID = 1L;

    public PodNetworkException(String message) {
        super(message);
    }

    public PodNetworkException(String message, Throwable cause) {
        super(message, cause);
    }
}
