package io.peerpods.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/** A named network namespace for one test, made with {@code ip netns} (not with the code under test) and removed on close. */
public final class TempNetns implements AutoCloseable {

    private static final AtomicInteger COUNT = new AtomicInteger();

    private final String name;

    private TempNetns(String name) {
        this.name = name;
    }

    /** As {@link #create}, without IPv6, whose link-local addresses appear by themselves and late. */
    public static TempNetns createWithoutIpv6(String hint) {
        TempNetns namespace = create(hint);
        namespace.exec("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1");
        return namespace;
    }

    /** A fresh one with lo up; {@code hint} makes its name readable. */
    public static TempNetns create(String hint) {
        String name = uniqueName(hint);
        Programs.require("ip", "netns", "add", name);
        Programs.require("ip", "-n", name, "link", "set", "lo", "up");
        return new TempNetns(name);
    }

    /** A name no other test run on this machine uses at the same time; the namespace is not made. */
    public static String uniqueName(String hint) {
        return "ppt-" + hint + "-" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet();
    }

    public String name() {
        return name;
    }

    /** {@code /run/netns/<name>}. */
    public Path path() {
        return Path.of("/run/netns", name);
    }

    /** Runs a program in the namespace; a failure is an error. */
    public String exec(String... command) {
        return Programs.require(inside(command));
    }

    /** Runs a program in the namespace, whatever its exit status. */
    public Programs.Result tryExec(String... command) {
        return Programs.run(inside(command));
    }

    private String[] inside(String... command) {
        String[] words = new String[command.length + 4];
        words[0] = "ip";
        words[1] = "netns";
        words[2] = "exec";
        words[3] = name;
        System.arraycopy(command, 0, words, 4, command.length);
        return words;
    }

    /** Removes it; fine when it is gone already. */
    @Override
    public void close() {
        if (Files.exists(path())) {
            Programs.require("ip", "netns", "del", name);
        }
    }
}
