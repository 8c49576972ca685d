package io.peerpods.cloud;

import java.util.List;

/**
 * Launches and deletes the pod VMs of one worker on one cloud.
 *
 * <p>Thread-safe: calls for different sandboxes run at the same time, on virtual threads. Calls for one sandbox never
 * overlap; the adaptor sees to that.
 */
public interface CloudProvider extends AutoCloseable {

    /** The name of the provider on the adaptor's command line, such as {@code aws}. */
    String name();

    /**
     * Launches the VM of a sandbox, or finds the one that an interrupted call launched. Returns as soon as the cloud
     * has accepted it and its addresses are known; the VM may still be booting.
     *
     * <p>Every request with an effect is written to {@code log} before it is sent. A provider that finds an entry there
     * first finds out what became of it, by repeating it or by looking, before it sends anything new. Whatever a failed
     * call may have left behind is removed by {@link #delete}, which the caller always calls then.
     *
     * @throws CloudException when the VM could not be launched; {@link CloudException#outcome} tells whether something
     *     may exist all the same
     * @throws InterruptedException when the caller no longer wants the VM
     */
    PodVm launch(LaunchSpec spec, LaunchLog log) throws CloudException, InterruptedException;

    /**
     * Deletes everything that launches of this sandbox made or may have made: VM, interfaces, addresses, volumes that
     * belong to them. Returns when the cloud has confirmed it. Nothing there is success. May be repeated for ever.
     *
     * @throws CloudException when something may still be there; the caller repeats the call later
     */
    void delete(String sandboxId, LaunchLog log) throws CloudException, InterruptedException;

    /**
     * The VMs that carry this cluster's and this worker's tags, in any state but gone, and for sandboxes without a VM
     * whatever else carries them. {@link #delete} with the sandbox's id and an empty log removes it.
     */
    List<OwnedVm> owned() throws CloudException, InterruptedException;

    /** Looks at everything that can be judged before the first pod: one finding a thing looked at, bad or good. */
    List<Finding> check() throws InterruptedException;

    /** Ends background work. Deletes no VM. */
    @Override
    void close();
}
