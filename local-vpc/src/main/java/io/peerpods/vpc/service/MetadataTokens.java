package io.peerpods.vpc.service;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.Optional;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Session tokens of the metadata service: good for one VM and a time. They are signed, not remembered, so that another process that
 * serves the same VPC honours them.
 */
public final class MetadataTokens {

    private final SecretKeySpec key;
    private final Clock clock;

    public MetadataTokens(String key, Clock clock) {
        this.key = new SecretKeySpec(Base64.getDecoder().decode(key), "HmacSHA256");
        this.clock = clock;
    }

    public String issue(String vm, Duration life) {
        long end = clock.instant().plus(life).getEpochSecond();
        byte[] signature = signature(vm, end);
        byte[] token = ByteBuffer.allocate(8 + signature.length)
                .putLong(end)
                .put(signature)
                .array();
        return Base64.getUrlEncoder().withoutPadding().encodeToString(token);
    }

    /** How long the token is still good for this VM; empty when it is not. */
    public Optional<Duration> remaining(String vm, String token) {
        byte[] bytes;
        try {
            bytes = Base64.getUrlDecoder().decode(token);
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
        if (bytes.length != 40) {
            return Optional.empty();
        }
        long end = ByteBuffer.wrap(bytes).getLong();
        long left = end - clock.instant().getEpochSecond();
        boolean genuine = MessageDigest.isEqual(Arrays.copyOfRange(bytes, 8, 40), signature(vm, end));
        return genuine && left > 0 ? Optional.of(Duration.ofSeconds(left)) : Optional.empty();
    }

    private byte[] signature(String vm, long end) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            return mac.doFinal((end + " " + vm).getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has HmacSHA256", e);
        }
    }
}
