package io.peerpods.relay;

import com.google.protobuf.ByteString;
import io.grpc.StatusException;
import java.util.Optional;

/**
 * The few changes that one side of the agent path makes to calls on their way. Every other call passes untouched.
 * Implementations are called by many threads at once, each call on a thread of its own, and may block.
 */
public interface AgentEdits {

    /** Changes nothing. */
    AgentEdits NONE = new AgentEdits() {
        @Override
        public boolean concern(String service, String method) {
            return false;
        }

        @Override
        public ByteString edit(String service, String method, ByteString payload) {
            return payload;
        }
    };

    /**
     * Whether calls of this method are to be shown to {@link #answer} and {@link #edit}.
     *
     * @param service full name of the service, such as {@code grpc.AgentService}
     */
    boolean concern(String service, String method);

    /**
     * The answer to a call that this side serves itself, so that the agent never sees it; empty to send the call on.
     *
     * @param payload the request message's protobuf encoding
     * @return the response message's protobuf encoding
     * @throws StatusException the answer is this status
     */
    default Optional<ByteString> answer(String service, String method, ByteString payload) throws StatusException {
        return Optional.empty();
    }

    /**
     * The payload to send on: the given one when nothing is to change, and the call then goes on byte for byte. Fields that the implementation does not know must
     * survive.
     *
     * @param payload the request message's protobuf encoding
     * @throws StatusException refuses the call: the caller gets this status, the agent never sees the call
     */
    ByteString edit(String service, String method, ByteString payload) throws StatusException;
}
