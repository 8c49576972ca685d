package io.peerpods.cloud;

import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

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
    void delete(SandboxId sandboxId, LaunchLog log) throws CloudException, InterruptedException;

    /**
     * Everything that carries this cluster's and this worker's tags: each VM in any state but gone, also one without a sandbox, and
     * for sandboxes without a VM whatever else is left. {@link #delete} with the sandbox's id and an empty log removes what has one.
     *
     * <p>For the start and for repeated looks: the list may lag behind launches and deletions by some seconds, so that a VM of a
     * launch under way may be missing, and a deleted one may still be there.
     */
    List<OwnedVm> owned() throws CloudException, InterruptedException;

    /**
     * How long after a change the cloud may still answer as before it. A VM that {@link #owned} lists is an orphan only when
     * a second look, later than this, finds the same.
     */
    default Duration consistencyWindow() {
        return Duration.ofMinutes(1);
    }

    /** Looks at everything that can be judged before the first pod: one finding a thing looked at, bad or good. */
    List<Finding> check() throws InterruptedException;

    /**
     * Why pods cannot be launched now: one finding of level {@code ERROR} a thing that does not work, such as the image or the
     * credentials; empty when nothing is known to be wrong. The provider looks again in the background until all is well, and the
     * list follows by itself. Calls no cloud and never blocks: the adaptor asks for each answer of its readiness probe, and names
     * {@link Finding#what} and {@link Finding#detail} there. It is no reason to stop: pods that run keep their agent path, and
     * deletions go on. {@link #launch} fails with the same reason meanwhile.
     */
    default List<Finding> problems() {
        return List.of();
    }

    /**
     * This worker's own address in the network of its VMs, which becomes the worker's end of every tunnel. For a provider that puts the
     * worker there itself; empty where the worker's own routes lead to its VMs. Asked for each sandbox: quick, and without a
     * cloud call.
     *
     * @throws CloudException when the worker could not be put there
     */
    default Optional<InetAddress> workerAddress() throws CloudException, InterruptedException {
        return Optional.empty();
    }

    /**
     * Why a VM that was launched has ended, in the cloud's words; empty when it runs, and when that is not known. Asked when the VM is
     * silent, again and again while it is.
     *
     * @throws CloudException when the cloud does not tell
     */
    default Optional<String> ended(PodVm vm) throws CloudException, InterruptedException {
        return Optional.empty();
    }

    /** Ends background work. Deletes no VM. */
    @Override
    void close();
}
