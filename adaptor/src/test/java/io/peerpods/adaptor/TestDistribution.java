package io.peerpods.adaptor;

import java.io.BufferedOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/**
 * What this test JVM has on its class path, as a small distribution with an AOT cache: tests that start an adaptor a hundred times
 * take a third of the time. Made once a JVM, removed when that ends.
 */
final class TestDistribution {

    private static final class Made {
        static final TestDistribution ONE = make();
    }

    private final List<String> options;

    private TestDistribution(List<String> options) {
        this.options = options;
    }

    /** The beginning of a command line: the Java program, its options and class path. */
    static List<String> java() {
        return Made.ONE.options;
    }

    private static TestDistribution make() {
        try {
            Path directory = Files.createTempDirectory("peerpods-test");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> removeTree(directory)));
            String classPath = classPath(directory);
            Path cache = directory.resolve("test.aot");
            List<String> training = new ArrayList<>(options("-XX:AOTCacheOutput=" + cache, classPath, directory));
            training.add(TestAdaptorMain.class.getName());
            training.add("train");
            Process process = new ProcessBuilder(training)
                    .redirectErrorStream(true)
                    .redirectOutput(directory.resolve("train.log").toFile())
                    .start();
            // Without a cache everything works too, only slower.
            boolean trained = process.waitFor() == 0 && Files.exists(cache);
            return new TestDistribution(
                    options(trained ? "-XX:AOTCache=" + cache : "-XX:AOTMode=off", classPath, directory));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static List<String> options(String aot, String classPath, Path directory) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx160m",
                aot,
                "-Xlog:aot=off",
                "-Xlog:cds=off",
                "--enable-native-access=ALL-UNNAMED",
                // SQLite's library is unpacked in each process; one that is killed leaves it.
                "-Dorg.sqlite.tmpdir=" + directory,
                "-cp",
                classPath);
    }

    /** An AOT cache knows jars only, so the directories become one. */
    private static String classPath(Path directory) throws IOException {
        String given = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        Path jar = directory.resolve("classes.jar");
        List<String> entries = new ArrayList<>(List.of(jar.toString()));
        Set<String> written = new HashSet<>();
        try (JarOutputStream out = new JarOutputStream(new BufferedOutputStream(Files.newOutputStream(jar)))) {
            for (String entry : given.split(File.pathSeparator, -1)) {
                Path path = Path.of(entry);
                if (Files.isDirectory(path)) {
                    add(out, path, written);
                } else if (Files.exists(path)) {
                    entries.add(entry);
                }
            }
        }
        return String.join(File.pathSeparator, entries);
    }

    private static void add(JarOutputStream out, Path classes, Set<String> written) throws IOException {
        try (Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String name = classes.relativize(file).toString();
                if (written.add(name)) {
                    out.putNextEntry(new JarEntry(name));
                    Files.copy(file, out);
                    out.closeEntry();
                }
            }
        }
    }

    private static void removeTree(Path directory) {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            // Left to the clean-up of the temporary directory.
        }
    }
}
