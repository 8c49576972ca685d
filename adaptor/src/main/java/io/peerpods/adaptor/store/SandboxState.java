package io.peerpods.adaptor.store;

/**
 * How far a sandbox is. The state is stored before the effect that it names, so a crash leaves a state that is early, never late:
 *
 * <pre>
 * CREATED -> LAUNCHING -> LAUNCHED -> CONNECTING -> READY -> STOPPING -> (no row)
 *                \___________\____________\___________________^
 * </pre>
 */
public enum SandboxState {
    /** Everything is fixed; nothing exists outside. */
    CREATED,
    /** The cloud may have been asked. */
    LAUNCHING,
    /** The VM's id and addresses are known. */
    LAUNCHED,
    /** The tunnel is being built and the agent dialled. */
    CONNECTING,
    /** The agent has said that the pod's network is up. */
    READY,
    /** StopVM was called or the pod is gone; everything is being removed. */
    STOPPING;

    /** Whether StartVM still has something to do, or begins again after a crash. */
    public boolean isStarting() {
        return this == LAUNCHING || this == LAUNCHED || this == CONNECTING;
    }
}
