package io.peerpods.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * An inventory of what a test could leave behind: named network namespaces, links, addresses, routes, rules, permanent neighbours,
 * qdiscs and nft tables of one namespace, child processes of this JVM. Taken before and after, the two are equal.
 */
public record KernelInventory(NavigableSet<String> items) {

    /** Everything in the test's own network namespace, plus the named namespaces and this JVM's living descendants. */
    public static KernelInventory take() {
        NavigableSet<String> items = new TreeSet<>(kernelState(List.of()));
        items.addAll(names("/run/netns", "namespace "));
        ProcessHandle.current()
                .descendants()
                .filter(ProcessHandle::isAlive)
                .forEach(child -> items.add(
                        "process " + child.pid() + " " + child.info().command().orElse("?")));
        return new KernelInventory(items);
    }

    /** What there is in one namespace. */
    public static KernelInventory take(TempNetns namespace) {
        return new KernelInventory(new TreeSet<>(kernelState(List.of("ip", "netns", "exec", namespace.name()))));
    }

    /** What is here and was not in {@code before}. */
    public List<String> since(KernelInventory before) {
        return items.stream().filter(Predicate.not(before.items::contains)).toList();
    }

    /** What was in {@code before} and is not here. */
    public List<String> missingFrom(KernelInventory before) {
        return before.since(this);
    }

    private static List<String> kernelState(List<String> prefix) {
        List<String> found = new ArrayList<>();
        links(prefix).forEach(found::add);
        add(found, prefix, "address ", "ip", "-o", "addr", "show");
        add(found, prefix, "route ", "ip", "route", "show", "table", "all");
        add(found, prefix, "route6 ", "ip", "-6", "route", "show", "table", "all");
        add(found, prefix, "rule ", "ip", "rule", "show");
        add(found, prefix, "rule6 ", "ip", "-6", "rule", "show");
        add(found, prefix, "neighbour ", "ip", "neigh", "show", "nud", "permanent");
        add(found, prefix, "qdisc ", "tc", "qdisc", "show");
        if (Programs.find("nft").isPresent()) {
            add(found, prefix, "nft ", "nft", "list", "tables");
        }
        return found;
    }

    /** Name, MTU, alias and whether it is set up. Carrier and peer number are left out: they come late, or change in a move. */
    private static List<String> links(List<String> prefix) {
        List<String> found = new ArrayList<>();
        for (String line : output(prefix, "ip", "-o", "link", "show").lines().toList()) {
            List<String> words = List.of(line.split("\\s+"));
            String name = words.get(1).replaceAll("(@.*)?:$", "");
            boolean up =
                    List.of(words.get(2).replaceAll("[<>]", "").split(",", -1)).contains("UP");
            int alias = words.indexOf("alias");
            found.add("link " + name + (up ? " up" : " down") + " mtu " + words.get(words.indexOf("mtu") + 1)
                    + (alias < 0 ? "" : " alias " + words.get(alias + 1)));
        }
        return found;
    }

    private static String output(List<String> prefix, String... command) {
        List<String> words = new ArrayList<>(prefix);
        words.addAll(List.of(command));
        // Without its complaints: ip looks at every file in /run/netns, those of other programs too.
        return Programs.standardOutput(words.toArray(String[]::new));
    }

    private static void add(List<String> found, List<String> prefix, String kind, String... command) {
        output(prefix, command)
                .lines()
                .map(line -> line.strip().replaceAll("\\s+", " "))
                // Interface numbers change in a move; IPv6 link-local addresses come and go by themselves.
                .map(line -> line.replaceFirst("^[0-9]+: ", ""))
                .filter(line -> !line.isEmpty() && !line.contains("fe80:") && !line.contains("ff00::/8"))
                .forEach(line -> found.add(kind + line));
    }

    private static List<String> names(String directory, String kind) {
        Path path = Path.of(directory);
        if (!Files.isDirectory(path)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(path)) {
            return files.map(file -> kind + file.getFileName()).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
