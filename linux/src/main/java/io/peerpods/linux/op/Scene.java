package io.peerpods.linux.op;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.nft.NftTables;
import io.peerpods.linux.sys.Errno;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** What the acts of one run share: whose they are, and the namespaces, each opened when first needed. For one thread. */
final class Scene implements AutoCloseable {

    private final String owner;
    private final NftTables nft;
    private final Map<NetnsRef, Space> spaces;
    private final boolean askingOnce;

    Scene(String owner, NftTables nft) {
        this(owner, nft, new HashMap<>(), false);
    }

    private Scene(String owner, NftTables nft, Map<NetnsRef, Space> spaces, boolean askingOnce) {
        this.owner = owner;
        this.nft = nft;
        this.spaces = spaces;
        this.askingOnce = askingOnce;
    }

    /** For looking at the plans of several owners, where nft rules are listed once. */
    static Scene ofMany(NftTables nft) {
        return new Scene("", nft, new HashMap<>(), true);
    }

    /** The same namespaces for another owner. Not to be closed. */
    Scene of(String other) {
        return new Scene(other, nft, spaces, askingOnce);
    }

    String owner() {
        return owner;
    }

    NftTables nft() {
        return nft;
    }

    /** The namespace; a failure says which one is missing. */
    Space space(NetnsRef ref) {
        Space known = spaces.get(ref);
        if (known != null) {
            return known;
        }
        Space opened = Space.open(ref, askingOnce);
        spaces.put(ref, opened);
        return opened;
    }

    /** Empty when there is no such namespace (any more, or yet). */
    Optional<Space> find(NetnsRef ref) {
        try {
            return Optional.of(space(ref));
        } catch (LinuxException e) {
            // EINVAL: the file of a namespace that was never mounted, or is unmounted.
            if (e.isGone() || e.errno() == Errno.EINVAL) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** Lets go of a namespace that comes or goes. */
    void forget(NetnsRef ref) {
        Space space = spaces.remove(ref);
        if (space != null) {
            space.close();
        }
    }

    @Override
    public void close() {
        spaces.values().forEach(Space::close);
        spaces.clear();
    }
}
