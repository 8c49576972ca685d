package io.peerpods.tests.kata;

import io.peerpods.tests.lab.Ran;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A pod of a {@link KataNode}, with one container, as crictl sees it.
 *
 * @param name the pod's
 * @param id the sandbox's
 */
record CriPod(KataNode node, String name, String id, String container) {

    private static final AtomicInteger COUNT = new AtomicInteger();

    /** Starts pod and container; the container runs this shell script. */
    static CriPod run(KataNode node, String script) {
        String name = "pod" + COUNT.incrementAndGet();
        node.write(
                name + ".json",
                "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\",\"uid\":\"%s\",\"attempt\":0},\"log_directory\":\"%s\",\"linux\":{}}"
                        .formatted(name, name + "-uid", node.work().resolve(name + "-logs")));
        node.write(
                name + "-container.json",
                "{\"metadata\":{\"name\":\"main\"},\"image\":{\"image\":\"%s\"},\"command\":[\"/bin/sh\",\"-c\",\"%s\"],\"log_path\":\"main.log\",\"linux\":{}}"
                        .formatted(KataNode.IMAGE, script));
        String pod = node.work().resolve(name + ".json").toString();
        String id = last(node.crictl("runp", "--runtime=kata-remote", pod));
        String container = last(node.crictl(
                "create", id, node.work().resolve(name + "-container.json").toString(), pod));
        node.crictl("start", container).orThrow();
        return new CriPod(node, name, id, container);
    }

    private static String last(Ran ran) {
        return List.of(ran.orThrow().strip().split("\n", -1)).getLast().strip();
    }

    /** What containerd says of the pod: {@code SANDBOX_READY} or {@code SANDBOX_NOTREADY}. */
    String state() {
        return last(node.crictl("inspectp", "-o", "go-template", "--template", "{{.status.state}}", id));
    }

    /** {@code CONTAINER_RUNNING}, {@code CONTAINER_EXITED} ... */
    String containerState() {
        return last(node.crictl("inspect", "-o", "go-template", "--template", "{{.status.state}}", container));
    }

    String exitCode() {
        return last(node.crictl("inspect", "-o", "go-template", "--template", "{{.status.exitCode}}", container));
    }

    Ran execSync(String... command) {
        return node.crictl(with(List.of("exec", "--sync", container), command));
    }

    /** By the streaming server, as {@code kubectl exec} does it. */
    Ran exec(String... command) {
        return node.crictl(with(List.of("exec", container), command));
    }

    /** The same with an input, as {@code kubectl exec -i} does it. */
    Ran execReading(String input, String... command) {
        return node.crictlReading(input, with(List.of("exec", "-i", container), command));
    }

    private static String[] with(List<String> first, String... more) {
        List<String> all = new ArrayList<>(first);
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    /** What kubelet does when a pod is deleted: stop the container, then the sandbox, then remove both. */
    void remove() {
        node.crictl("stop", "--timeout=2", container).orThrow();
        node.crictl("stopp", id).orThrow();
        node.crictl("rm", container).orThrow();
        node.crictl("rmp", id).orThrow();
    }
}
