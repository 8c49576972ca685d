package io.peerpods.linux;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Settings of the kernel below {@code /proc/sys}. */
public final class Sysctls {

    /** More than any setting has. */
    private static final int LONGEST = 16 * 1024;

    private Sysctls() {}

    /**
     * The value of one setting, without the line end. Read at once: the kernel answers the first read of a number only, and {@link
     * Files#readString} first reads a single byte of a file whose size is said to be 0.
     *
     * @throws IOException when the file cannot be read
     */
    public static String read(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return new String(in.readNBytes(LONGEST), StandardCharsets.UTF_8).strip();
        }
    }
}
