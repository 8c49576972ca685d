package io.peerpods.agent.userdata;

import io.peerpods.config.userdata.UserData;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** User-data in a file, or in a NoCloud directory: the file {@code user-data} on a disk labelled {@code cidata}. */
public final class FileUserData implements UserDataSource {

    private static final String NOCLOUD_FILE = "user-data";

    private final Path path;

    /** @param path the file, or the directory where the disk is mounted */
    public FileUserData(Path path) {
        this.path = path;
    }

    /** Whether it is there now. */
    public boolean isThere() {
        return Files.isRegularFile(file());
    }

    @Override
    public String name() {
        return "the file " + file();
    }

    @Override
    public byte[] read() throws IOException {
        try (InputStream in = Files.newInputStream(file())) {
            return Documents.bounded(in, UserData.MAX_BYTES, name());
        }
    }

    private Path file() {
        return Files.isDirectory(path) ? path.resolve(NOCLOUD_FILE) : path;
    }
}
