package io.peerpods.agent.edits;

import io.peerpods.proto.agent.Linux;
import io.peerpods.proto.agent.LinuxNamespace;

/** The network namespace of a container in its OCI specification. */
final class NetworkNamespace {

    private static final String TYPE = "network";

    private NetworkNamespace() {}

    /** Makes the container join the namespace: the first entry of that type names it, further ones go, a missing one is added. */
    static void join(Linux.Builder linux, String path) {
        boolean joined = false;
        for (int i = 0; i < linux.getNamespacesCount(); i++) {
            if (!linux.getNamespaces(i).getType().equals(TYPE)) {
                continue;
            }
            if (joined) {
                linux.removeNamespaces(i--);
            } else {
                linux.getNamespacesBuilder(i).setPath(path);
                joined = true;
            }
        }
        if (!joined) {
            linux.addNamespaces(LinuxNamespace.newBuilder().setType(TYPE).setPath(path));
        }
    }
}
