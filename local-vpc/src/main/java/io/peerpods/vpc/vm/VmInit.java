package io.peerpods.vpc.vm;

import io.peerpods.vpc.model.Vm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The script that a VM's first process runs: it makes the machine's mounts and host name, says so on its standard output, waits for a line
 * on its standard input (the NICs are in), starts the programs and becomes a process that waits for ever. Ended before that line, the
 * machine goes with its creator.
 *
 * <p>It enters no namespace that exists, which would take CAP_SYS_CHROOT beside CAP_SYS_ADMIN.
 */
final class VmInit {

    static final String READY = "ready";
    static final String GO = "go";

    /** Descriptors 0 to 2 are taken, and a POSIX shell knows one digit. */
    private static final int FIRST_CONSOLE = 3;

    static final int MOST_SERVICES = 7;

    private final Vm vm;
    private final VmImage image;
    private final Duration bootDelay;
    private final Map<String, String> environment;

    /** @param environment what every program gets */
    VmInit(Vm vm, VmImage image, Duration bootDelay, Map<String, String> environment) {
        this.vm = vm;
        this.image = image;
        this.bootDelay = bootDelay;
        this.environment = environment;
        if (image.services().size() > MOST_SERVICES) {
            throw new IllegalArgumentException("an image has at most " + MOST_SERVICES + " programs");
        }
    }

    List<String> lines() {
        List<VmService> services = image.services();
        List<String> lines = new ArrayList<>();
        lines.add("set -e");
        // Opened before the mounts hide their directory.
        for (int i = 0; i < services.size(); i++) {
            Path console = vm.console(services.get(i).name());
            lines.add("exec " + (FIRST_CONSOLE + i) + ">>" + quoted(console.toString()));
        }
        lines.add("mount -n -a -T " + quoted(vm.directory().resolve("fstab").toString()));
        lines.addAll(resolver());
        // Last: it covers the place where hidden directories were kept meanwhile.
        lines.add("mount -n -t sysfs -o nosuid,nodev,noexec vpc-sys " + VmMounts.STAGE);
        if (image.isolated()) {
            lines.addAll(VmCgroups.mountLines());
            lines.addAll(devices());
            lines.add("mkdir -p " + quoted(String.valueOf(VmImage.KATA_SOCKET.getParent())));
        }
        for (Path files : image.run()) {
            lines.add("cp -a -- " + quoted(files + "/.") + " /run/");
            lines.add("chmod 0755 /run");
        }
        lines.add("hostname " + quoted(vm.hostname()));
        lines.add("echo " + READY);
        lines.add("read -r line");
        lines.add("[ \"$line\" = " + GO + " ]");
        lines.add("exec </dev/null >/dev/null 2>&1");
        if (!bootDelay.isZero()) {
            lines.add("sleep " + bootDelay.toMillis() / 1000 + "." + String.format("%03d", bootDelay.toMillisPart()));
        }
        for (int i = 0; i < services.size(); i++) {
            lines.add(program(services.get(i), FIRST_CONSOLE + i, services.size()));
        }
        // With SIGCHLD ignored the kernel reaps the orphans that the first process inherits.
        lines.add("exec env --ignore-signal=CHLD sleep infinity" + closing(services.size()));
        return lines;
    }

    /** A {@code /dev} with what every Linux has and nothing of this machine's own. */
    private static List<String> devices() {
        return List.of(
                "mkdir /run/dev",
                "mount -n -t tmpfs -o mode=0755,nosuid vpc-dev /run/dev",
                "for node in null zero full random urandom tty; do"
                        + " : > /run/dev/$node; mount -n --bind /dev/$node /run/dev/$node; done",
                "mkdir /run/dev/pts /run/dev/shm /run/dev/mqueue",
                "mount -n -t devpts -o newinstance,ptmxmode=0666,mode=0620 vpc-pts /run/dev/pts",
                "mount -n -t tmpfs -o mode=1777,nosuid,nodev vpc-shm /run/dev/shm",
                "ln -s pts/ptmx /run/dev/ptmx",
                "ln -s /proc/self/fd /run/dev/fd",
                "ln -s /proc/self/fd/0 /run/dev/stdin",
                "ln -s /proc/self/fd/1 /run/dev/stdout",
                "ln -s /proc/self/fd/2 /run/dev/stderr",
                "mount -n --move /run/dev /dev",
                "rmdir /run/dev");
    }

    /** Where resolv.conf is a link into {@code /run}, its target is in the VM's own, which is empty. */
    private static List<String> resolver() {
        Path link = Path.of("/etc/resolv.conf");
        try {
            if (Files.isSymbolicLink(link)) {
                Path target = link.resolveSibling(Files.readSymbolicLink(link)).normalize();
                if (target.startsWith("/run")) {
                    String parent = Objects.requireNonNull(target.getParent()).toString();
                    return List.of(
                            "mkdir -p " + quoted(parent),
                            "cp " + VmMounts.STAGE + "/etc/resolv.conf " + quoted(target.toString()));
                }
            }
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException("read " + link, e);
        }
        return List.of();
    }

    private String program(VmService service, int console, int consoles) {
        Map<String, String> variables = new TreeMap<>(environment);
        variables.putAll(service.environment());
        String assignments = variables.entrySet().stream()
                .map(entry -> quoted(entry.getKey() + "=" + entry.getValue()))
                .collect(Collectors.joining(" "));
        String command = service.command().stream().map(VmInit::quoted).collect(Collectors.joining(" "));
        // A shell starts what it does not wait for with SIGINT and SIGQUIT ignored, which every program in the VM would
        // inherit.
        return "setsid env -i --default-signal=INT,QUIT " + assignments + " " + command + " </dev/null >&" + console
                + " 2>&1" + closing(consoles) + " &";
    }

    private static String closing(int consoles) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < consoles; i++) {
            text.append(' ').append(FIRST_CONSOLE + i).append(">&-");
        }
        return text.toString();
    }

    /** One word of a POSIX shell, whatever is in it. */
    static String quoted(String text) {
        return "'" + text.replace("'", "'\\''") + "'";
    }
}
