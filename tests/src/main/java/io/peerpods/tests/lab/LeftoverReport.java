package io.peerpods.tests.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Counts what a stopped pod could have left behind, thing by thing. */
public final class LeftoverReport {

    private LeftoverReport() {}

    /** Everything left of stopped pods: on the worker, in its pods' namespaces, in the VPC, on disk. */
    public static List<String> ofPods(Cluster cluster, Place worker, List<Place> namespaces, Adaptor adaptor) {
        List<String> left = new ArrayList<>();
        cluster.vpc().vms().forEach(vm -> left.add("VM " + vm.id()));
        namespaces(cluster.vpc().prefix() + "-vm-").forEach(name -> left.add("namespace " + name));
        ourLinks(worker).forEach(link -> left.add("link on the worker: " + link));
        ourRules(worker).forEach(rule -> left.add("nft rule on the worker: " + rule));
        for (Place pod : namespaces) {
            ourLinks(pod).forEach(link -> left.add("link in " + pod.name() + ": " + link));
            lines(pod, "tc", "qdisc", "show", "dev", "eth0")
                    .filter(line -> line.contains("ingress") || line.contains("clsact"))
                    .forEach(line -> left.add("qdisc in " + pod.name() + ": " + line));
        }
        files(adaptor.pods()).forEach(file -> left.add("file " + file));
        journals(adaptor.state()).forEach(file -> left.add("journal " + file));
        return left;
    }

    /** Namespaces by the beginning of their names. */
    public static List<String> namespaces(String prefix) {
        Path all = Path.of("/run/netns");
        return !Files.isDirectory(all)
                ? List.of()
                : list(all)
                        .map(path -> path.getFileName().toString())
                        .filter(name -> name.startsWith(prefix))
                        .toList();
    }

    private static Stream<String> ourLinks(Place place) {
        return lines(place, "ip", "-d", "-o", "link", "show")
                .filter(line -> line.contains("alias peerpods:") || line.contains(" vxlan "));
    }

    private static Stream<String> ourRules(Place place) {
        return lines(place, "nft", "list", "ruleset").filter(line -> line.contains("comment \"peerpods:"));
    }

    private static Stream<String> lines(Place place, String... command) {
        return place.require(command).lines().map(String::strip).filter(line -> !line.isEmpty());
    }

    private static Stream<Path> journals(Path state) {
        return files(state)
                .filter(Files::isRegularFile)
                .filter(file -> file.toString().contains("journal"));
    }

    private static Stream<Path> files(Path directory) {
        if (!Files.isDirectory(directory)) {
            return Stream.empty();
        }
        try (Stream<Path> all = Files.walk(directory)) {
            return all.filter(path -> !path.equals(directory)).sorted().toList().stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Stream<Path> list(Path directory) {
        try (Stream<Path> all = Files.list(directory)) {
            return all.sorted().toList().stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
