package io.peerpods.cloud.aws.userdata;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.Outcome;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.zip.GZIPOutputStream;

/** User-data as a launch request carries it. */
public final class UserDataText {

    /** EC2's limit, before base64. */
    public static final int LIMIT = 16 * 1024;

    private UserDataText() {}

    /**
     * Base64 of the text, or of its gzip when only that fits. The same text gives the same result.
     *
     * @throws CloudException when neither fits
     */
    public static String pack(String plain) throws CloudException {
        byte[] bytes = plain.getBytes(StandardCharsets.UTF_8);
        if (bytes.length <= LIMIT) {
            return Base64.getEncoder().encodeToString(bytes);
        }
        byte[] packed = gzip(bytes);
        if (packed.length > LIMIT) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE,
                    "user-data is " + bytes.length + " bytes, " + packed.length + " with gzip; EC2 takes " + LIMIT
                            + ": make the pod's initdata or its image pull secrets smaller");
        }
        return Base64.getEncoder().encodeToString(packed);
    }

    private static byte[] gzip(byte[] bytes) {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
            gzip.write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return packed.toByteArray();
    }
}
