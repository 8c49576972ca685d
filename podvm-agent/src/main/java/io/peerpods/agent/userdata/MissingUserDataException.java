package io.peerpods.agent.userdata;

import java.io.IOException;

/** The source works and has no user-data for this VM. */
public final class MissingUserDataException extends IOException {
    private static final long serialVersionUID = 1;

    public MissingUserDataException(String message) {
        super(message);
    }
}
