/**
 * The agent path: {@link io.peerpods.relay.AgentRelay} on the worker, {@link io.peerpods.relay.Forwarder} in the pod VM.
 * Both hand ttRPC frames on without looking into them; only the calls that {@link io.peerpods.relay.AgentEdits} names are opened.
 */
@NullMarked
package io.peerpods.relay;

import org.jspecify.annotations.NullMarked;
