package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NoCapacity;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.QuotaExceeded;
import io.peerpods.cloud.CloudException.Unauthorized;
import io.peerpods.cloud.CloudException.Unavailable;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.tag.Tags;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.services.ec2.model.DescribeInstancesRequest;
import software.amazon.awssdk.services.ec2.model.DescribeInstancesResponse;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.StateReason;

/**
 * Waits for instances: one DescribeInstances at a time for all callers, none while no caller waits. Thread-safe.
 */
public final class InstanceWatch implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(InstanceWatch.class);

    /** EC2 takes this many values in a filter. */
    private static final int MOST_IN_A_CALL = 200;

    private final Ec2Api ec2;
    private final Duration pause;
    private final Set<Wait> waiting = new LinkedHashSet<>();
    private Thread poller = Thread.currentThread();
    private boolean polling;
    private String trouble = "";

    private record Wait(String id, Predicate<Instance> enough, CompletableFuture<Instance> answer) {}

    /** @param pause between two polls */
    public InstanceWatch(Ec2Api ec2, Duration pause) {
        this.ec2 = ec2;
        this.pause = pause;
    }

    /** Whether an instance ends or has ended. */
    public static boolean isEnding(Instance instance) {
        InstanceStateName state = instance.state() == null
                ? InstanceStateName.PENDING
                : instance.state().name();
        return state == InstanceStateName.SHUTTING_DOWN || state == InstanceStateName.TERMINATED;
    }

    /** The state of an instance that does not run any more, with EC2's reason for it; empty for one that runs or is to run. */
    public static Optional<String> end(Instance instance) {
        if (instance.state() == null || instance.state().name() == null) {
            return Optional.empty();
        }
        return switch (instance.state().name()) {
            case SHUTTING_DOWN, TERMINATED, STOPPING, STOPPED ->
                Optional.of("instance " + instance.instanceId() + " is "
                        + instance.state().nameAsString() + ": " + reason(instance));
            default -> Optional.empty();
        };
    }

    public static boolean isRunning(Instance instance) {
        return instance.state() != null && instance.state().name() == InstanceStateName.RUNNING;
    }

    /**
     * Waits until an instance is as wanted.
     *
     * @param goal what is waited for, for the message of a failure
     * @throws CloudException when the instance ends, or the time is over
     */
    public Instance await(String id, String goal, Predicate<Instance> enough, Duration patience)
            throws CloudException, InterruptedException {
        return await(id, goal, instance -> !isEnding(instance) && enough.test(instance), true, patience);
    }

    /** Waits until an instance is terminated, not only on its way there. */
    public void awaitTerminated(String id, Duration patience) throws CloudException, InterruptedException {
        await(
                id,
                "its termination",
                instance -> instance.state() != null && instance.state().name() == InstanceStateName.TERMINATED,
                false,
                patience);
    }

    private Instance await(String id, String goal, Predicate<Instance> enough, boolean alive, Duration patience)
            throws CloudException, InterruptedException {
        Predicate<Instance> end = alive ? instance -> isEnding(instance) || enough.test(instance) : enough;
        Wait wait = new Wait(id, end, new CompletableFuture<>());
        synchronized (this) {
            waiting.add(wait);
            if (!polling) {
                poller = Thread.ofVirtual().name("instances").start(this::poll);
                polling = true;
            }
        }
        try {
            Instance instance = wait.answer().get(patience.toMillis(), TimeUnit.MILLISECONDS);
            if (alive && isEnding(instance)) {
                throw ended(instance, goal);
            }
            return instance;
        } catch (TimeoutException e) {
            String why = lastTrouble();
            throw new Unavailable(
                    Outcome.UNKNOWN,
                    "instance " + id + ": " + goal + " did not come within " + patience.toSeconds() + " s"
                            + (why.isEmpty() ? "" : "; " + why),
                    e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof CloudException cloud
                    ? cloud
                    : new Unavailable(Outcome.UNKNOWN, "instance " + id + ": " + e.getCause(), e);
        } finally {
            synchronized (this) {
                waiting.remove(wait);
            }
        }
    }

    private synchronized String lastTrouble() {
        return trouble;
    }

    /** Why an instance ended before it was of use, as the same kind that the launch call would have failed with. */
    static CloudException ended(Instance instance, String goal) {
        String code = instance.stateReason() == null
                ? ""
                : Optional.ofNullable(instance.stateReason().code()).orElse("");
        String said = "instance " + instance.instanceId() + " ended before " + goal + ": " + reason(instance);
        if (code.contains("Insufficient") || code.contains("SpotInstance")) {
            return new NoCapacity(Outcome.UNKNOWN, said);
        }
        if (code.contains("LimitExceeded")) {
            return new QuotaExceeded(Outcome.UNKNOWN, said + ". Raise that quota in Service Quotas");
        }
        return new InvalidRequest(Outcome.UNKNOWN, said);
    }

    private static String reason(Instance instance) {
        StateReason reason = instance.stateReason();
        if (reason == null) {
            return "no reason given";
        }
        return Optional.ofNullable(reason.message())
                .or(() -> Optional.ofNullable(reason.code()))
                .orElse("no reason given");
    }

    private void poll() {
        try {
            for (Set<String> ids = wanted(); !ids.isEmpty(); ids = wanted()) {
                pollOnce(ids);
            }
        } catch (InterruptedException e) {
            failAll(new Unavailable(Outcome.UNKNOWN, "the provider is closed", e));
        } catch (RuntimeException | Error e) {
            log.error("waiting for instances failed; the next wait begins afresh", e);
            failAll(new Unavailable(Outcome.UNKNOWN, "waiting for instances failed: " + e, e));
        }
    }

    /** Lets the pause pass, then says what is waited for; the poller ends when there is no waiter. */
    private Set<String> wanted() throws InterruptedException {
        Thread.sleep(pause);
        synchronized (this) {
            Set<String> ids = new LinkedHashSet<>();
            waiting.forEach(wait -> ids.add(wait.id()));
            polling = !ids.isEmpty();
            return ids;
        }
    }

    private void pollOnce(Set<String> ids) throws InterruptedException {
        try {
            Map<String, Instance> found = describe(ids);
            List<Wait> all;
            synchronized (this) {
                trouble = "";
                all = List.copyOf(waiting);
            }
            for (Wait wait : all) {
                Instance instance = found.get(wait.id());
                if (instance != null && wait.enough().test(instance)) {
                    wait.answer().complete(instance);
                }
            }
        } catch (Unauthorized e) {
            failAll(e);
        } catch (CloudException e) {
            // Who waits has a deadline of its own; until then the next poll may succeed.
            synchronized (this) {
                trouble = String.valueOf(e.getMessage());
            }
        }
    }

    /** The instances among these ids that EC2 knows, by id. */
    public Map<String, Instance> describe(Set<String> ids) throws CloudException, InterruptedException {
        Map<String, Instance> found = new LinkedHashMap<>();
        List<String> all = List.copyOf(ids);
        for (int from = 0; from < all.size(); from += MOST_IN_A_CALL) {
            // A filter, because one unknown id among InstanceIds fails the whole call.
            List<String> some = all.subList(from, Math.min(all.size(), from + MOST_IN_A_CALL));
            var request = DescribeInstancesRequest.builder().filters(Tags.filter("instance-id", some));
            list(request).forEach(instance -> found.put(instance.instanceId(), instance));
        }
        return found;
    }

    /** All instances that a request describes, page by page. */
    public List<Instance> list(DescribeInstancesRequest.Builder request) throws CloudException, InterruptedException {
        List<Instance> all = new ArrayList<>();
        request.maxResults(1000);
        String next;
        do {
            DescribeInstancesResponse page = ec2.describeInstances(request.build());
            page.reservations().forEach(reservation -> all.addAll(reservation.instances()));
            next = Optional.ofNullable(page.nextToken()).orElse("");
            request.nextToken(next);
        } while (!next.isEmpty());
        return all;
    }

    private void failAll(CloudException reason) {
        List<Wait> all;
        synchronized (this) {
            all = List.copyOf(waiting);
            waiting.clear();
            polling = false;
        }
        all.forEach(wait -> wait.answer().completeExceptionally(reason));
    }

    /** Everyone who waits gets an exception. */
    @Override
    public synchronized void close() {
        if (polling) {
            poller.interrupt();
        }
    }
}
