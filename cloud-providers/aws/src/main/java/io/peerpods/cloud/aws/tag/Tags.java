package io.peerpods.cloud.aws.tag;

import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.Worker;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/** The tags by which everything that a launch makes says whose it is. */
public final class Tags {

    public static final String CLUSTER = "peerpods:cluster";
    public static final String NODE = "peerpods:node";
    public static final String MACHINE = "peerpods:machine";
    public static final String WORKER = "peerpods:worker";
    public static final String NAMESPACE = "peerpods:namespace";
    public static final String POD = "peerpods:pod";
    public static final String SANDBOX = "peerpods:sandbox";
    public static final String GENERATION = "peerpods:generation";
    public static final String CREATED = "peerpods:created";

    /** On addresses alone: the device index of the interface that the address is for. */
    public static final String DEVICE = "peerpods:device";

    private static final int LONGEST_VALUE = 256;

    private final Worker worker;
    private final Map<String, String> more;

    /** @param more the operator's */
    public Tags(Worker worker, Map<String, String> more) {
        this.worker = worker;
        this.more = more;
    }

    /**
     * The tags of everything that one generation of a launch makes.
     *
     * @param workerArn the worker's own instance, which IAM policies can compare with the caller
     */
    public List<Tag> of(LaunchSpec spec, int generation, Instant created, Optional<String> workerArn) {
        Map<String, String> tags = new LinkedHashMap<>();
        tags.put("Name", spec.name());
        tags.put(CLUSTER, worker.clusterId());
        tags.put(NODE, worker.node());
        if (!worker.machine().isEmpty()) {
            tags.put(MACHINE, worker.machine());
        }
        workerArn.ifPresent(arn -> tags.put(WORKER, arn));
        tags.put(NAMESPACE, spec.podNamespace());
        tags.put(POD, spec.podName());
        tags.put(SANDBOX, spec.sandboxId().value());
        tags.put(GENERATION, Integer.toString(generation));
        tags.put(CREATED, created.toString());
        more.forEach(tags::putIfAbsent);
        List<Tag> list = new ArrayList<>();
        tags.forEach((key, value) -> list.add(tag(key, value)));
        return list;
    }

    private static Tag tag(String key, String value) {
        return Tag.builder()
                .key(key)
                .value(value.substring(0, Math.min(value.length(), LONGEST_VALUE)))
                .build();
    }

    public static TagSpecification on(ResourceType type, List<Tag> tags) {
        return TagSpecification.builder().resourceType(type).tags(tags).build();
    }

    /** What carries this cluster's tag and one of these sandboxes'. */
    public List<Filter> ofSandboxes(Iterable<SandboxId> sandboxIds) {
        List<String> values = new ArrayList<>();
        sandboxIds.forEach(id -> values.add(id.value()));
        return List.of(filter("tag:" + CLUSTER, worker.clusterId()), filter("tag:" + SANDBOX, values));
    }

    /** What carries this cluster's and this worker's tags. */
    public List<Filter> ofWorker() {
        return List.of(filter("tag:" + CLUSTER, worker.clusterId()), filter("tag:" + NODE, worker.node()));
    }

    /**
     * Whether these are the tags of something that another machine made. What earlier versions made, and what was made where the machine
     * could not be told, has no such tag.
     */
    public boolean areOfAnotherMachine(List<Tag> tags) {
        String machine = value(tags, MACHINE);
        return !machine.isEmpty() && !worker.machine().isEmpty() && !machine.equals(worker.machine());
    }

    public static Filter filter(String name, String value) {
        return filter(name, List.of(value));
    }

    public static Filter filter(String name, List<String> values) {
        return Filter.builder().name(name).values(values).build();
    }

    /** What carries the cluster, sandbox and generation that these tags name: what one launch made. */
    public static List<Filter> identify(List<Tag> tags) {
        return List.of(CLUSTER, SANDBOX, GENERATION).stream()
                .map(key -> filter("tag:" + key, value(tags, key)))
                .toList();
    }

    /** The sandbox that something's tags name; empty when none does, and when its value is no sandbox id. */
    public static Optional<SandboxId> sandbox(List<Tag> tags) {
        return SandboxId.tryParse(value(tags, SANDBOX));
    }

    /** The value of a tag, or empty. */
    public static String value(List<Tag> tags, String key) {
        return tags.stream()
                .filter(tag -> key.equals(tag.key()) && tag.value() != null)
                .map(Tag::value)
                .findFirst()
                .orElse("");
    }
}
