package io.peerpods.vpc.net;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.NewLink;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.Rtnl;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * One network namespace of the VPC, open for changes. Every change says what shall be so and may be repeated: what is so already is
 * left alone.
 */
public final class NamespaceLinks implements AutoCloseable {

    private final Netns netns;
    private final Rtnl rtnl;

    private NamespaceLinks(Netns netns) {
        this.netns = netns;
        this.rtnl = Rtnl.open(netns);
    }

    /** The namespace of that file; an empty path is this process's own. */
    public static NamespaceLinks open(Path file) {
        return new NamespaceLinks(file.toString().isEmpty() ? Netns.current() : Netns.open(file));
    }

    /** The named namespace, made with lo up if it is not there. */
    public static NamespaceLinks make(String name) {
        Path file = Names.file(name);
        if (!Netns.exists(file)) {
            Netns.create(name).close();
        }
        NamespaceLinks space = open(file);
        space.up("lo");
        return space;
    }

    Netns netns() {
        return netns;
    }

    Optional<Link> link(String name) {
        return rtnl.link(name);
    }

    void bridge(String name, int mtu) {
        if (link(name).isEmpty()) {
            rtnl.addBridge(new NewLink(name, null, mtu));
        }
        up(name);
    }

    /** A cable from here to there, both ends up. */
    void cable(String name, MacAddress mac, NamespaceLinks far, String farName, int mtu) {
        if (link(name).isEmpty()) {
            // A far end whose near end has gone elsewhere is of an earlier life.
            far.remove(farName);
            rtnl.addVeth(new NewLink(name, mac, mtu), new NewLink(farName, null, mtu), far.netns);
        }
        far.up(farName);
        up(name);
    }

    /** Makes the link a port of the bridge. */
    void master(String name, String bridge) {
        rtnl.change(index(name)).master(index(bridge)).apply();
    }

    void up(String name) {
        rtnl.change(index(name)).up(true).apply();
    }

    void mtu(String name, int mtu) {
        rtnl.change(index(name)).mtu(mtu).apply();
    }

    void address(String link, IpPrefix prefix) {
        tolerateExisting(() -> rtnl.addAddress(index(link), prefix));
    }

    /** A route as a DHCP client makes it. */
    void defaultRoute(InetAddress gateway, String link, int metric) {
        tolerateExisting(() -> rtnl.addRoute(Route.unicast(IpPrefix.IPV4_DEFAULT, gateway, index(link))
                .withMetric(metric)
                .withProtocol(Route.PROTOCOL_DHCP)));
    }

    void route(IpPrefix destination, InetAddress gateway, String link) {
        tolerateExisting(() -> rtnl.addRoute(Route.unicast(destination, gateway, index(link))));
    }

    void remove(String link) {
        link(link).ifPresent(found -> rtnl.deleteLink(found.index()));
    }

    /** Leaves a value alone that is so already: {@code /proc/sys} may be mounted read-only for all but the VPC's maker. */
    void sysctl(String key, String value) {
        Path file = Path.of("/proc/sys", key.replace('.', '/'));
        try {
            netns.<Boolean, IOException>run(() -> {
                boolean so = Files.readString(file).strip().equals(value);
                return so || Files.exists(Files.writeString(file, value));
            });
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "set " + key + " to " + value + " in " + netns + "; is /proc/sys writable?", e);
        }
    }

    /** Runs nft on a whole text, one transaction. */
    void nft(String text) {
        try {
            Process process = netns.<Process, IOException>run(() -> new ProcessBuilder("nft", "-f", "-")
                    .redirectErrorStream(true)
                    .start());
            try (var stdin = process.getOutputStream()) {
                stdin.write(text.getBytes(StandardCharsets.UTF_8));
            }
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new IllegalStateException("nft in " + netns + ": " + output.strip());
            }
        } catch (IOException e) {
            throw new UncheckedIOException("run nft; is nftables installed?", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while nft ran in " + netns, e);
        }
    }

    /** Removes every veth, and with it the end elsewhere. */
    public void removeCables() {
        for (Link link : rtnl.links()) {
            if (link.kind().equals("veth")) {
                remove(link.name());
            }
        }
    }

    private int index(String name) {
        return link(name)
                .orElseThrow(() -> new IllegalStateException("no link " + name + " in " + netns))
                .index();
    }

    private static void tolerateExisting(Runnable change) {
        try {
            change.run();
        } catch (LinuxException e) {
            if (!e.isExisting()) {
                throw e;
            }
        }
    }

    @Override
    public void close() {
        rtnl.close();
        netns.close();
    }
}
