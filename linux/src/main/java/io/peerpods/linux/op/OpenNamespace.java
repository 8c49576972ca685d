package io.peerpods.linux.op;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.NftablesReader;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.netlink.TrafficControl;
import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.Task;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** One network namespace while a run works in it: opened once, with one rtnetlink socket. For one thread, which enters it. */
final class OpenNamespace implements AutoCloseable {

    private final NetnsRef ref;
    private final Netns netns;
    private final Rtnl rtnl;
    private final TrafficControl trafficControl;
    private final boolean askingOnce;
    private @Nullable NftablesReader nftables;

    private OpenNamespace(NetnsRef ref, Netns netns, Rtnl rtnl, boolean askingOnce) {
        this.askingOnce = askingOnce;
        this.ref = ref;
        this.netns = netns;
        this.rtnl = rtnl;
        this.trafficControl = rtnl.trafficControl();
    }

    static OpenNamespace open(NetnsRef ref, boolean askingOnce) {
        Netns netns = ref.open();
        try {
            return new OpenNamespace(
                    ref, netns, ref.isOwn() ? Rtnl.open() : netns.runOnThisThread(Rtnl::open), askingOnce);
        } catch (LinuxException e) {
            netns.close();
            throw e;
        }
    }

    Netns netns() {
        return netns;
    }

    Rtnl rtnl() {
        return rtnl;
    }

    TrafficControl trafficControl() {
        return trafficControl;
    }

    NftablesReader nftables() {
        if (nftables == null) {
            NftablesReader opened = inside(NftablesReader::open);
            nftables = askingOnce ? opened.askingOnce() : opened;
        }
        return nftables;
    }

    Optional<Link> link(String name) {
        return rtnl.link(name);
    }

    /** The link's number; ENODEV naming link and namespace when it is not there. */
    int index(String name) {
        return link(name)
                .orElseThrow(() -> new LinuxException("find link " + name + " in " + ref, Errno.ENODEV))
                .index();
    }

    Map<Integer, Link> linksByIndex() {
        return rtnl.links().stream().collect(Collectors.toMap(Link::index, Function.identity(), (a, _) -> a));
    }

    /** Runs the task in this namespace: for sockets, child processes and {@code /proc/sys}. */
    <T, X extends Exception> T inside(Task<T, X> task) throws X {
        return ref.isOwn() ? task.run() : netns.runOnThisThread(task);
    }

    @Override
    public void close() {
        if (nftables != null) {
            nftables.close();
        }
        rtnl.close();
        netns.close();
    }
}
