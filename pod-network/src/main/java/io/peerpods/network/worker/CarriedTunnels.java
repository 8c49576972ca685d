package io.peerpods.network.worker;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.NativeThreads;
import io.peerpods.network.tunnel.Ownership;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The worker's tunnels as the kernel has them, whichever process made them and whatever files it had: each vxlan that carries our alias,
 * in any named namespace, and whose outer packets travel in this process's namespace. The kernel keeps a vxlan's VNI for the namespace
 * where it was made, so these VNIs cannot be given out again.
 *
 * @param tunnels one a vxlan
 * @param unseen files of namespaces that could not be looked into: what they hold is not known
 */
public record CarriedTunnels(List<Tunnel> tunnels, List<Path> unseen) {

    /** A tunnel and the sandbox that its alias names. */
    public record Tunnel(String sandboxId, int vni) {}

    public CarriedTunnels {
        tunnels = List.copyOf(tunnels);
        unseen = List.copyOf(unseen);
    }

    /** Looks into this process's namespace and the named ones. May be called from any thread. */
    public static CarriedTunnels look() {
        return look(Netns.NAMED);
    }

    static CarriedTunnels look(Path directory) {
        return NativeThreads.call(() -> {
            List<Tunnel> tunnels = new ArrayList<>();
            List<Path> unseen = new ArrayList<>();
            try (Netns own = Netns.current()) {
                Set<Netns.Identity> seen = new HashSet<>(Set.of(own.identity()));
                try (Rtnl rtnl = Rtnl.open()) {
                    ours(rtnl.links()).filter(link -> link.lowerNetns() < 0).forEach(link -> add(link, tunnels));
                }
                for (Path file : files(directory)) {
                    look(file, own, seen, tunnels, unseen);
                }
            }
            return new CarriedTunnels(tunnels, unseen);
        });
    }

    private static List<Path> files(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.toList();
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot list the network namespaces in " + directory, e);
        }
    }

    private static void look(Path file, Netns own, Set<Netns.Identity> seen, List<Tunnel> tunnels, List<Path> unseen) {
        try (Netns netns = Netns.open(file)) {
            if (seen.add(netns.identity())) {
                netns.runOnThisThread(() -> {
                    try (Rtnl rtnl = Rtnl.open()) {
                        List<Link> links = ours(rtnl.links()).toList();
                        // Listing a link makes the number of the namespace below it, so this is asked second.
                        int underlay = links.isEmpty() ? -1 : rtnl.namespaceNumber(own);
                        links.stream()
                                .filter(link -> underlay >= 0 && link.lowerNetns() == underlay)
                                .forEach(link -> add(link, tunnels));
                    }
                    return true;
                });
            }
        } catch (LinuxException e) {
            // One that has just gone holds nothing, and so does a file that is no namespace (EINVAL): a namespace's
            // mount was taken off.
            if (!e.isGone() && e.errno() != Errno.EINVAL && Files.exists(file)) {
                unseen.add(file);
            }
        }
    }

    private static Stream<Link> ours(List<Link> links) {
        return links.stream()
                .filter(link -> link.vxlan() != null
                        && Ownership.sandboxOf(link.alias()).isPresent());
    }

    private static void add(Link link, List<Tunnel> tunnels) {
        VxlanAttributes vxlan = link.vxlan();
        if (vxlan != null) {
            Ownership.sandboxOf(link.alias()).ifPresent(id -> tunnels.add(new Tunnel(id, vxlan.vni())));
        }
    }

    /** The sandboxes that have a tunnel. */
    public Set<String> sandboxes() {
        return tunnels.stream().map(Tunnel::sandboxId).collect(Collectors.toSet());
    }
}
