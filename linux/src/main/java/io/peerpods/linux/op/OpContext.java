package io.peerpods.linux.op;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.nft.NftApplier;
import io.peerpods.linux.sys.Errno;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** What the handlers of one run share: whose they are, and the namespaces, each opened when first needed. For one thread. */
final class OpContext implements AutoCloseable {

    private final String owner;
    private final NftApplier nft;
    private final Map<NetnsRef, OpenNamespace> namespaces;
    private final boolean askingOnce;

    OpContext(String owner, NftApplier nft) {
        this(owner, nft, new HashMap<>(), false);
    }

    private OpContext(String owner, NftApplier nft, Map<NetnsRef, OpenNamespace> namespaces, boolean askingOnce) {
        this.owner = owner;
        this.nft = nft;
        this.namespaces = namespaces;
        this.askingOnce = askingOnce;
    }

    /** For looking at the plans of several owners, where nft rules are listed once. */
    static OpContext ofMany(NftApplier nft) {
        return new OpContext("", nft, new HashMap<>(), true);
    }

    /** The same namespaces for another owner. Not to be closed. */
    OpContext of(String other) {
        return new OpContext(other, nft, namespaces, askingOnce);
    }

    String owner() {
        return owner;
    }

    NftApplier nft() {
        return nft;
    }

    /** The namespace; a failure says which one is missing. */
    OpenNamespace namespace(NetnsRef ref) {
        OpenNamespace known = namespaces.get(ref);
        if (known != null) {
            return known;
        }
        OpenNamespace opened = OpenNamespace.open(ref, askingOnce);
        namespaces.put(ref, opened);
        return opened;
    }

    /** Empty when there is no such namespace (any more, or yet). */
    Optional<OpenNamespace> find(NetnsRef ref) {
        try {
            return Optional.of(namespace(ref));
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
        OpenNamespace namespace = namespaces.remove(ref);
        if (namespace != null) {
            namespace.close();
        }
    }

    @Override
    public void close() {
        namespaces.values().forEach(OpenNamespace::close);
        namespaces.clear();
    }
}
