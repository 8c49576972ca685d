package io.peerpods.agent;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The terminal of the VM, whose text a cloud shows to the operator of a machine without log-in. */
final class Console {

    private final String path;

    /** @param path empty for none */
    Console(String path) {
        this.path = path;
    }

    /** Writes a line, if it can. */
    void tell(String text) {
        if (path.isEmpty()) {
            return;
        }
        try {
            Files.writeString(
                    Path.of(path),
                    "podvm-agent: " + text + "\r\n",
                    StandardCharsets.UTF_8,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            System.err.println("podvm-agent: cannot write to " + path + ": " + e.getMessage());
        }
    }
}
