package io.peerpods.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Threads of this JVM that are in another network namespace than its first thread: a carrier of virtual threads among them would
 * open the sockets of others there.
 */
public final class StrayThreads {

    private StrayThreads() {}

    /** Names and namespaces of those that there are now. */
    public static List<String> find() {
        try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
            String home = namespace(Path.of("/proc/self"));
            return threads.map(thread -> describe(thread, home))
                    .filter(line -> !line.isEmpty())
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String describe(Path thread, String home) {
        try {
            String namespace = namespace(thread);
            return namespace.equals(home)
                    ? ""
                    : Files.readString(thread.resolve("comm")).strip() + " in " + namespace;
        } catch (NoSuchFileException e) {
            return ""; // it has ended
        } catch (IOException e) {
            return e.getMessage() != null && e.getMessage().contains("No such process") ? "" : thread + ": " + e;
        }
    }

    private static String namespace(Path process) throws IOException {
        return Files.readSymbolicLink(process.resolve("ns/net")).toString();
    }
}
