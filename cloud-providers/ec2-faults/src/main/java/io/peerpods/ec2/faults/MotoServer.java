package io.peerpods.ec2.faults;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A {@code moto_server} on a free loopback port, with two images of its own. Ends with {@link #close}. */
public final class MotoServer implements AutoCloseable {

    /** An x86-64 image that boots by UEFI, with a root volume of 8 GiB. */
    public static final String IMAGE = "ami-0aaaaaaaaaaaaaaaa";

    /** An arm64 image. */
    public static final String ARM_IMAGE = "ami-0bbbbbbbbbbbbbbbb";

    /** The environment variable that names its file of images. */
    public static final String IMAGES_PATH = "MOTO_AMIS_PATH";

    private static final Pattern RUNNING = Pattern.compile("Running on (http://127\\.0\\.0\\.1:[0-9]+)");

    private final Process process;
    private final URI endpoint;
    private final Path images;

    private MotoServer(Process process, URI endpoint, Path images) {
        this.process = process;
        this.endpoint = endpoint;
        this.images = images;
    }

    /** The program: MOTO_SERVER, else {@code moto_server} in PATH. */
    public static Optional<Path> program() {
        String named = System.getenv("MOTO_SERVER");
        if (named != null && !named.isEmpty()) {
            return Optional.of(Path.of(named)).filter(Files::isExecutable);
        }
        String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
        return Stream.of(path.split(":", -1))
                .map(directory -> Path.of(directory, "moto_server"))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Starts it and waits until it answers. */
    public static MotoServer start() throws IOException, InterruptedException {
        return start(Path.of(System.getProperty("java.io.tmpdir")));
    }

    /**
     * The same with its file in that directory. The process has the file's path in its environment, as {@link #IMAGES_PATH}: so it is
     * known again when the process that started it is gone.
     */
    public static MotoServer start(Path directory) throws IOException, InterruptedException {
        Path program = program().orElseThrow(() -> new IOException("moto_server is not in PATH; MOTO_SERVER names it"));
        Path images = Files.createTempFile(directory, "moto-images", ".json");
        Files.writeString(images, "[" + image(IMAGE, "x86_64") + "," + image(ARM_IMAGE, "arm64") + "]");
        ProcessBuilder builder = new ProcessBuilder(program.toString(), "-H", "127.0.0.1", "-p", "0");
        builder.environment().put(IMAGES_PATH, images.toString());
        builder.environment().put("MOTO_ENABLE_AMI_VALIDATION", "true");
        builder.environment().put("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true");
        builder.environment().put("PYTHONUNBUFFERED", "1");
        Process process = builder.redirectErrorStream(true).start();
        CompletableFuture<URI> announced = new CompletableFuture<>();
        Thread.ofPlatform().daemon().name("moto-output").start(() -> read(process, announced));
        try {
            return new MotoServer(process, announced.get(120, TimeUnit.SECONDS), images);
        } catch (ExecutionException | TimeoutException e) {
            process.destroyForcibly();
            Files.deleteIfExists(images);
            throw new IOException("moto_server did not start: " + e.getMessage(), e);
        }
    }

    private static String image(String id, String architecture) {
        return """
                {"ami_id": "%s", "name": "podvm-%s", "owner_id": "123456789012", "public": true,
                 "virtualization_type": "hvm", "architecture": "%s", "state": "available", "platform": null,
                 "image_type": "machine", "hypervisor": "xen", "image_location": "amazon/podvm", "boot_mode": "uefi",
                 "root_device_type": "ebs", "root_device_name": "/dev/sda1", "description": "pod VM", "sriov": "simple"}
                """.formatted(id, architecture, architecture);
    }

    /** Reads all output for ever, so that the process never stops at a full pipe. */
    private static void read(Process process, CompletableFuture<URI> announced) {
        StringBuilder seen = new StringBuilder();
        try (var reader = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                Matcher running = RUNNING.matcher(line);
                if (running.find()) {
                    announced.complete(URI.create(running.group(1)));
                } else if (!announced.isDone()) {
                    seen.append(line).append('\n');
                }
            }
        } catch (IOException e) {
            seen.append(e);
        }
        announced.completeExceptionally(new IOException("it ended: " + seen));
    }

    public URI endpoint() {
        return endpoint;
    }

    /** Resident memory and the rest are the emulator's own affair; this is its process. */
    public long pid() {
        return process.pid();
    }

    /** Forgets everything. */
    public void reset() throws IOException {
        HttpURLConnection connection =
                (HttpURLConnection) endpoint.resolve("/moto-api/reset").toURL().openConnection();
        connection.setRequestMethod("POST");
        int status = connection.getResponseCode();
        connection.disconnect();
        if (status != HttpURLConnection.HTTP_OK) {
            throw new IOException("moto_server: reset answered HTTP " + status);
        }
    }

    @Override
    public void close() throws IOException {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        process.onExit().join();
        Files.deleteIfExists(images);
    }
}
