package io.peerpods.adaptor;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Which machine this is, the same in each container on it and after a reboot: the UUID that the firmware tells (SMBIOS type 1), which
 * is the host's in a container too; where that is missing or is not readable, systemd's machine id (machine-id(5)). The value is a
 * hash, because the machine id must not be shown.
 */
final class MachineId {

    private static final Pattern ID = Pattern.compile("[0-9a-f]{32}");

    /** Firmware without an id of its own has one digit alone, or that of the mainboard maker's sample. */
    private static final Pattern NO_ID = Pattern.compile("(.)\\1*|03000200040005000006000700080009");

    private final List<Path> sources;

    private MachineId(List<Path> sources) {
        this.sources = sources;
    }

    /** With the files of this machine below a directory, which is {@code /} outside of tests. */
    static MachineId under(Path root) {
        return new MachineId(List.of(root.resolve("sys/class/dmi/id/product_uuid"), root.resolve("etc/machine-id")));
    }

    /** 32 hexadecimal digits, or empty when nothing tells. */
    String get() {
        for (Path source : sources) {
            Optional<String> id = read(source);
            if (id.isPresent()) {
                return hash(id.get());
            }
        }
        return "";
    }

    private static Optional<String> read(Path source) {
        try {
            String id =
                    Files.readString(source).strip().toLowerCase(Locale.ROOT).replace("-", "");
            return ID.matcher(id).matches() && !NO_ID.matcher(id).matches() ? Optional.of(id) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static String hash(String id) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256")
                    .digest(("peerpods machine " + id).getBytes(StandardCharsets.US_ASCII));
            return HexFormat.of().formatHex(hash, 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
