package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.SandboxId;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** The idempotency token of a request: the same for the same cluster, sandbox, generation and purpose, no other. */
final class ClientToken {

    private ClientToken() {}

    /** 64 hexadecimal digits, which is EC2's limit. */
    static String of(String clusterId, SandboxId sandboxId, int generation, String purpose) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            String text = clusterId + '\0' + sandboxId.value() + '\0' + generation + '\0' + purpose;
            return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
