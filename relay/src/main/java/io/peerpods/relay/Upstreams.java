package io.peerpods.relay;

import io.grpc.Status;
import io.grpc.StatusException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Gives a session its connection towards the agent. */
interface Upstreams {

    /**
     * A connection for the caller alone, who closes it, on the session's I/O thread; may take as long as the dialling rules allow.
     *
     * @param limit how long the caller can wait, should that be shorter
     * @throws StatusException when there is none to be had; the text is for the caller of the call
     */
    Upstream take(Duration limit) throws StatusException;

    /**
     * Whether the agent is gone for good, after a connection broke or none was to be had. May block; not on the I/O thread.
     *
     * @param broken what broke; null when there was no connection
     * @return why it is gone: the session then hangs up on its caller, as a plain pipe would; null when it may be called again
     */
    default @Nullable Status gone(@Nullable Upstream broken) {
        return null;
    }

    /** Whether this is the agent's side, which tells the caller's why it hangs up ({@code Frame.AGENT_GONE}). */
    default boolean isAgentsSide() {
        return false;
    }
}
