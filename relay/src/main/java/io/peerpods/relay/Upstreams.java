package io.peerpods.relay;

import io.grpc.StatusException;
import java.time.Duration;

/** Gives a session its connection towards the agent. */
interface Upstreams {

    /**
     * A connection for the caller alone, who closes it, on the session's I/O thread; may take as long as the dialling rules allow.
     *
     * @param limit how long the caller can wait, should that be shorter
     * @throws StatusException when there is none to be had; the text is for the caller of the call
     */
    Upstream take(Duration limit) throws StatusException;
}
