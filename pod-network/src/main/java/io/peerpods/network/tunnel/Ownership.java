package io.peerpods.network.tunnel;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/** By which marks things in the kernel are known to be ours, and whose. */
public final class Ownership {
    /** What every alias and every rule comment of ours begins with. */
    public static final String PREFIX = "peerpods:";

    /** The one owner inside a pod VM. */
    public static final String POD_VM = PREFIX + "podvm";

    private Ownership() {}

    /** The owner of a sandbox's links and rules on a worker. */
    public static String ofSandbox(String sandboxId) {
        return PREFIX + sandboxId;
    }

    /** The sandbox that an alias names, when it is one of ours. */
    public static Optional<String> sandboxOf(String alias) {
        return alias.startsWith(PREFIX) ? Optional.of(alias.substring(PREFIX.length())) : Optional.empty();
    }

    /** The nft table of the adaptor with that state directory: two adaptors on one machine never share one. */
    public static String workerTable(Path stateDirectory) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256")
                    .digest(stateDirectory
                            .toAbsolutePath()
                            .normalize()
                            .toString()
                            .getBytes(StandardCharsets.UTF_8));
            return "peerpods-" + HexFormat.of().formatHex(digest, 0, 4);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
