package io.peerpods.tests.lab;

import io.peerpods.linux.Netns;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/**
 * A network namespace of the lab: programs run in it and counters stand in it.
 *
 * @param name for people
 * @param namespace the file that names it
 */
public record Place(String name, Path namespace) {

    /** Runs a program in it. */
    public Ran run(String... command) {
        return Ran.run(inside(List.of(command)));
    }

    /** Runs a program in it that must not fail, and returns what it printed. */
    public String require(String... command) {
        return run(command).orThrow();
    }

    /** Feeds commands to {@code nft} in it. */
    public void nft(String commands) {
        Ran.run(inside(List.of("nft", "-f", "-")), commands).orThrow();
    }

    /** Runs code whose sockets belong to it. */
    public <T> T call(Callable<T> task) throws Exception {
        try (Netns netns = Netns.open(namespace)) {
            return netns.call(task);
        }
    }

    /** Counts the packets that match, from now on, before any other rule sees them. */
    public Counter count(String hook, String match) {
        return Counter.in(this, hook, match);
    }

    /** Counts them where rules of that priority stand: a higher one is later. */
    public Counter count(String hook, int priority, String match) {
        return Counter.in(this, hook, priority, match);
    }

    /** The command, to be run in it. */
    public List<String> inside(List<String> command) {
        List<String> words = new ArrayList<>(List.of("nsenter", "--net=" + namespace, "--"));
        words.addAll(command);
        return words;
    }
}
