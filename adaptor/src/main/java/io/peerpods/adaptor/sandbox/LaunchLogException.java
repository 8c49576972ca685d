package io.peerpods.adaptor.sandbox;

import io.peerpods.adaptor.store.StoreException;

/** The provider's text could not be stored, so the request that it announces must not be sent. */
final class LaunchLogException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    LaunchLogException(StoreException cause) {
        super(cause.getMessage(), cause);
    }
}
