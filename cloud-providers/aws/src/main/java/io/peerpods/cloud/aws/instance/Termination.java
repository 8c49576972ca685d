package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NotFound;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.Unavailable;
import io.peerpods.cloud.aws.ec2.ConsistencyWindow;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.ec2.Ec2Errors;
import io.peerpods.cloud.calls.Batcher;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.services.ec2.model.TerminateInstancesRequest;

/** Terminates instances, those of a short while in one call. Thread-safe. */
public final class Termination implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Termination.class);

    private static final Duration WINDOW = Duration.ofMillis(150);
    private static final int MOST_IN_A_CALL = 100;
    private static final Pattern ID = Pattern.compile("i-[0-9a-f]+");

    private final Ec2Api ec2;
    private final ConsistencyWindow window;
    private final Batcher<String, Boolean> batcher;

    public Termination(Ec2Api ec2, ConsistencyWindow window) {
        this.ec2 = ec2;
        this.window = window;
        this.batcher = new Batcher<>("termination", WINDOW, MOST_IN_A_CALL, this::terminate);
    }

    /**
     * Returns when EC2 has confirmed that the instance ends, or has not known it for the whole {@link ConsistencyWindow}: right after
     * its launch an instance is not known everywhere in EC2.
     *
     * @return whether EC2 knows the instance
     */
    public boolean terminate(String id) throws CloudException, InterruptedException {
        boolean known = window.finds(() -> batcher.ask(id));
        if (!known) {
            log.info("instance {} is not known to EC2 any more", id);
        }
        return known;
    }

    private void terminate(Map<String, CompletableFuture<Boolean>> batch) throws CloudException, InterruptedException {
        Map<String, CompletableFuture<Boolean>> left = new LinkedHashMap<>(batch);
        while (!left.isEmpty()) {
            try {
                send(left);
                return;
            } catch (NotFound e) {
                dropUnknown(left, e);
            } catch (InvalidRequest e) {
                if (left.size() == 1) {
                    throw e;
                }
                // One instance that may not be terminated keeps EC2 from terminating the others of the call.
                oneByOne(left);
                return;
            }
        }
    }

    private void send(Map<String, CompletableFuture<Boolean>> batch) throws CloudException, InterruptedException {
        var request = TerminateInstancesRequest.builder()
                .instanceIds(List.copyOf(batch.keySet()))
                .build();
        for (var change : ec2.terminateInstances(request).terminatingInstances()) {
            CompletableFuture<Boolean> answer = batch.get(change.instanceId());
            if (answer != null) {
                answer.complete(true);
            }
        }
        batch.forEach((id, answer) -> answer.completeExceptionally(
                new Unavailable(Outcome.UNKNOWN, "TerminateInstances: no answer about " + id)));
    }

    /** Takes out what the message says does not exist; a message that names nothing leaves single calls. */
    private void dropUnknown(Map<String, CompletableFuture<Boolean>> left, NotFound e) throws InterruptedException {
        Set<String> unknown = new LinkedHashSet<>();
        Matcher ids = ID.matcher(Ec2Errors.message(e));
        while (ids.find()) {
            if (left.containsKey(ids.group())) {
                unknown.add(ids.group());
            }
        }
        if (unknown.isEmpty() && left.size() == 1) {
            unknown.addAll(left.keySet());
        }
        for (String id : unknown) {
            CompletableFuture<Boolean> answer = left.remove(id);
            if (answer != null) {
                answer.complete(false);
            }
        }
        if (unknown.isEmpty()) {
            oneByOne(left);
            left.clear();
        }
    }

    private void oneByOne(Map<String, CompletableFuture<Boolean>> batch) throws InterruptedException {
        for (var each : batch.entrySet()) {
            try {
                send(Map.of(each.getKey(), each.getValue()));
            } catch (NotFound e) {
                each.getValue().complete(false);
            } catch (CloudException e) {
                each.getValue().completeExceptionally(e);
            }
        }
    }

    @Override
    public void close() {
        batcher.close();
    }
}
