/**
 * The daemon in the pod VM, wired in {@link io.peerpods.agent.AgentMain}: takes its user-data, builds the pod's side of the
 * network, and forwards the agent protocol to kata-agent.
 */
@NullMarked
package io.peerpods.agent;

import org.jspecify.annotations.NullMarked;
