package io.peerpods.tests.kata;

import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.Daemon;
import io.peerpods.tests.lab.Ran;
import io.peerpods.tests.lab.Until;
import io.peerpods.tests.whole.Lab;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * A worker node with our adaptor and a containerd of its own, whose only runtime is the real Kata shim: in the network namespace of the
 * lab's worker, in mount and PID namespaces of its own. Closing it ends every process of it.
 */
final class KataNode implements AutoCloseable {

    /** Known to containerd; no registry is asked. */
    static final String IMAGE = "example.test/kata/empty:latest";

    private final KataPrograms programs = KataPrograms.find();
    private final ShimCgroups cgroups = ShimCgroups.look();
    private final Lab lab;
    private final Path work;
    private final Syslog syslog;
    private final Adaptor adaptor;
    private final Daemon containerd;

    private KataNode(Lab lab) throws InterruptedException {
        this.lab = lab;
        this.work = lab.fresh("k");
        try {
            Files.createDirectories(work.resolve("cni"));
            Files.createDirectories(work.resolve("bin"));
            Files.createSymbolicLink(work.resolve("bin/containerd-shim-kata-remote-v2"), programs.shim());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        this.syslog = Syslog.listen(work.resolve("syslog"));
        Adaptor.Options options = new Adaptor.Options();
        KataPrograms.kataAgent().ifPresent(agent -> options.flag("-kata-agent=" + agent));
        KataPrograms.image().ifPresent(image -> options.flag("-local-image=" + image));
        this.adaptor = lab.adaptor(options);
        for (String script : List.of("node.sh", "image.sh")) {
            write(script, resource(script));
        }
        write("crictl.yaml", filled("crictl.yaml"));
        write("containerd.toml", filled("containerd.toml"));
        write("kata.toml", filled("kata.toml"));
        write("cni/10-pods.conflist", filled("10-pods.conflist"));
        this.containerd = startContainerd();
    }

    static KataNode start() throws InterruptedException {
        Lab lab = Lab.make();
        try {
            return new KataNode(lab);
        } catch (RuntimeException | InterruptedException e) {
            lab.close();
            throw e;
        }
    }

    /** As {@code ip netns} does: the adaptor sees the namespaces that CNI makes on the node's own mounts. */
    private static void shareNamespaces() {
        Ran.run(List.of(
                        "bash",
                        "-c",
                        "mount --make-rshared /run/netns 2> /dev/null"
                                + " || { mount --rbind /run/netns /run/netns && mount --make-rshared /run/netns; }"))
                .orThrow();
    }

    private Daemon startContainerd() {
        shareNamespaces();
        List<String> command = List.of(
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--propagation",
                "unchanged",
                "--",
                "bash",
                work.resolve("node.sh").toString(),
                work.toString(),
                programs.containerd().toString(),
                "--config",
                work.resolve("containerd.toml").toString());
        String path =
                work.resolve("bin") + ":" + System.getenv().getOrDefault("PATH", "") + ":/usr/sbin:/usr/bin:/sbin:/bin";
        Daemon daemon = Daemon.start(
                lab.cluster().worker().inside(command), Map.of("PATH", path), work.resolve("containerd.log"));
        try {
            Until.holds("containerd answers", () -> crictl("version").ok());
            importImage();
            return daemon;
        } catch (RuntimeException | InterruptedException e) {
            daemon.close();
            throw new IllegalStateException("containerd does not start; it said:\n" + daemon.log(), e);
        }
    }

    private void importImage() {
        Path archive = work.resolve("image.tar");
        Ran.run(List.of("bash", work.resolve("image.sh").toString(), archive.toString(), IMAGE))
                .orThrow();
        Ran.run(List.of(
                        "ctr",
                        "-a",
                        work.resolve("containerd.sock").toString(),
                        "-n",
                        "k8s.io",
                        "images",
                        "import",
                        "--snapshotter",
                        "native",
                        archive.toString()))
                .orThrow();
    }

    /** Runs crictl on this node. */
    Ran crictl(String... arguments) {
        return Ran.run(crictlCommand(List.of(arguments)));
    }

    /** The same with something to read. */
    Ran crictlReading(String input, String... arguments) {
        return Ran.run(crictlCommand(List.of(arguments)), input);
    }

    private List<String> crictlCommand(List<String> arguments) {
        List<String> command =
                new ArrayList<>(List.of(programs.crictl().toString(), "--config=" + work.resolve("crictl.yaml")));
        command.addAll(arguments);
        return lab.cluster().worker().inside(command);
    }

    Lab lab() {
        return lab;
    }

    Adaptor adaptor() {
        return adaptor;
    }

    /** Kills containerd; it comes back, and the shims and their pods live on. */
    void restartContainerd() throws InterruptedException {
        ProcessHandle old = containerdProcess().orElseThrow();
        old.destroyForcibly();
        Until.holds("containerd was ended", () -> !old.isAlive());
        Until.holds("containerd answers again", () -> crictl("version").ok());
    }

    private Optional<ProcessHandle> containerdProcess() {
        return processes(programs.containerd().getFileName().toString()).stream()
                .findFirst();
    }

    /** The processes of this program on the node, beside pod VMs. */
    private List<ProcessHandle> processes(String program) {
        return ProcessHandle.of(containerd.pid()).stream()
                .flatMap(ProcessHandle::descendants)
                .filter(process -> process.info()
                        .command()
                        .filter(command -> Path.of(command).endsWith(program))
                        .isPresent())
                .toList();
    }

    Path work() {
        return work;
    }

    private String filled(String name) {
        return resource(name)
                .replace("@WORK@", work.toString())
                .replace("@IMAGE@", IMAGE)
                .replace("@CNI@", programs.cni().toString())
                .replace("@HYPERVISOR@", adaptor.shim().socket().toString());
    }

    void write(String name, String text) {
        try {
            Files.writeString(work.resolve(name), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String resource(String name) {
        try (InputStream stream = KataNode.class.getResourceAsStream("/kata/" + name)) {
            return new String(Objects.requireNonNull(stream, name).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        // The first process of the PID namespace dies with it, and all others with that.
        containerd.close();
        syslog.close();
        try (lab) {
            cgroups.close();
        }
    }
}
