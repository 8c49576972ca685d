package io.peerpods.linux;

import static java.util.Objects.requireNonNull;

import io.peerpods.linux.sys.Child;
import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.Libc;
import io.peerpods.linux.sys.NativeThreads;
import io.peerpods.linux.sys.Task;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A network namespace, held open by a descriptor: it lives at least as long as this object is open. Thread safe.
 *
 * <p>Named namespaces are files below {@code /run/netns}, as {@code ip netns} makes them.
 */
public final class Netns implements AutoCloseable {

    /** Where named namespaces are. */
    public static final Path NAMED = Path.of("/run/netns");

    private static final Path OLD_NAMED = Path.of("/var/run/netns");

    /** Device and inode: what tells one living namespace from another, whatever the path. */
    public record Identity(long device, long inode) {

        /** The form {@code device:inode} that {@link #parse} reads. */
        @Override
        public String toString() {
            return device + ":" + inode;
        }

        /** Reads what {@link #toString} wrote. */
        public static Identity parse(String text) {
            int colon = text.indexOf(':');
            return new Identity(Long.parseLong(text.substring(0, colon)), Long.parseLong(text.substring(colon + 1)));
        }
    }

    private static final Duration MOUNT_POINT_LIMIT = Duration.ofSeconds(30);

    /**
     * Takes everything off the file $1, and then what covers its directory $2, unless another file shows then. In this mount namespace
     * only, except for the removal itself.
     */
    private static final String REMOVE_MOUNT_POINT = """
            bare() { while umount -l "$1" 2>/dev/null; do :; done; }
            bare "$1"
            file=$(stat -c %d:%i "$1") || exit 1
            rm -f "$1" 2>/dev/null && exit 0
            while umount -l "$2"; do
                bare "$1"
                [ "$(stat -c %d:%i "$1")" = "$file" ] || break
                rm -f "$1" && exit 0
            done
            exit 1
            """;

    private final int fd;
    private final String name;
    private final Identity identity;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Netns(int fd, String name) {
        this.fd = fd;
        this.name = name;
        this.identity = identityOf(Path.of("/proc/self/fd", Integer.toString(fd)));
    }

    /**
     * Opens the namespace of that file. {@code /var/run/netns/x} falls back to {@code /run/netns/x}: inside a container only one of
     * the two may be mounted.
     *
     * @throws LinuxException when there is none (ENOENT, with the mount to add) or the file is no network namespace (EINVAL)
     */
    public static Netns open(Path path) {
        return NativeThreads.call(() -> openHere(path));
    }

    /** As {@link #open(Path)}. */
    public static Netns open(String path) {
        return open(Path.of(path));
    }

    private static Netns openHere(Path path) {
        int fd = Libc.open(path.toString(), Libc.O_RDONLY | Libc.O_CLOEXEC);
        if (fd == -Errno.ENOENT && path.startsWith(OLD_NAMED)) {
            fd = Libc.open(NAMED.resolve(OLD_NAMED.relativize(path)).toString(), Libc.O_RDONLY | Libc.O_CLOEXEC);
        }
        if (fd == -Errno.ENOENT) {
            String mount = path.startsWith(OLD_NAMED) || path.startsWith(NAMED)
                    ? "; if it exists on the host, mount " + NAMED
                            + " into this container with HostToContainer propagation"
                    : "";
            throw new LinuxException("open network namespace " + path + mount, Errno.ENOENT);
        }
        if (fd < 0) {
            throw new LinuxException("open network namespace " + path, -fd);
        }
        if (Libc.ioctl(fd, Libc.NS_GET_NSTYPE) != Libc.CLONE_NEWNET) {
            Libc.close(fd);
            throw new LinuxException("open network namespace " + path + " (the file is none)", Errno.EINVAL);
        }
        return new Netns(fd, path.toString());
    }

    /** The namespace of this process; inside {@link #call} that one. */
    public static Netns current() {
        return open(Path.of("/proc/thread-self/ns/net"));
    }

    /** A new one without a name, alive while it is held, a process is in it, or a link refers to it. */
    public static Netns anonymous() {
        return inNewNamespace("a namespace without name", () -> openHere(Path.of("/proc/thread-self/ns/net")));
    }

    /**
     * Makes {@code /run/netns/<name>}.
     *
     * @throws LinuxException EEXIST when the name is taken
     */
    public static Netns create(String name) {
        return create(named(name));
    }

    /**
     * Makes a namespace and mounts it on a file of that path, which may exist if it is empty and not a namespace: what a crash
     * between file and mount leaves.
     *
     * @throws LinuxException EEXIST when the path is taken
     */
    public static Netns create(Path path) {
        NativeThreads.call(() -> {
            prepareMountPoint(path);
            return true;
        });
        return inNewNamespace(path.toString(), () -> {
            int mounted = Libc.mount("/proc/thread-self/ns/net", path.toString(), "none", Libc.MS_BIND);
            if (mounted < 0) {
                throw new LinuxException("mount new network namespace on " + path, -mounted);
            }
            return openHere(path);
        });
    }

    private static Netns inNewNamespace(String what, Task<Netns, RuntimeException> task) {
        return NativeThreads.callOnFreshThread("netns-new", () -> {
            int home = Libc.open("/proc/thread-self/ns/net", Libc.O_RDONLY | Libc.O_CLOEXEC);
            int made = home < 0 ? home : Libc.unshare(Libc.CLONE_NEWNET);
            if (made < 0) {
                throw new LinuxException("make network namespace " + what, -made);
            }
            try {
                return task.run();
            } finally {
                Libc.setns(home, Libc.CLONE_NEWNET); // as in run()
                Libc.close(home);
            }
        });
    }

    private static void prepareMountPoint(Path path) {
        if (exists(path)) {
            throw new LinuxException("make network namespace " + path, Errno.EEXIST);
        }
        try {
            if (path.startsWith(NAMED)) {
                shareNamedDirectory();
            }
            if (Files.exists(path) && Files.size(path) != 0) {
                throw new LinuxException("make network namespace " + path + ", which is another file", Errno.EEXIST);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("prepare " + path + " for a network namespace", e);
        }
        int fd = Libc.open(path.toString(), Libc.O_RDONLY | Libc.O_CREAT | Libc.O_CLOEXEC);
        if (fd < 0) {
            throw new LinuxException("make file " + path + " for a network namespace", -fd);
        }
        Libc.close(fd);
    }

    /** As {@code ip netns} does: mounts below the directory reach other mount namespaces, so that a removal there frees it here. */
    private static void shareNamedDirectory() throws IOException {
        // Also when the directory is there: as a plain one it would be mounted on itself by the first "ip netns add",
        // with a second
        // mount of every namespace below it, and then none of these could be removed.
        Files.createDirectories(NAMED);
        String directory = NAMED.toString();
        int shared = Libc.mount("", directory, "none", Libc.MS_SHARED | Libc.MS_REC);
        if (shared == -Errno.EINVAL) {
            shared = Libc.mount(directory, directory, "none", Libc.MS_BIND | Libc.MS_REC);
            shared = shared < 0 ? shared : Libc.mount("", directory, "none", Libc.MS_SHARED | Libc.MS_REC);
        }
        if (shared < 0) {
            throw new LinuxException("share mounts below " + directory, -shared);
        }
    }

    /** Whether the path is a network namespace now. */
    public static boolean exists(Path path) {
        return NativeThreads.call(() -> {
            int fd = Libc.open(path.toString(), Libc.O_RDONLY | Libc.O_CLOEXEC);
            if (fd < 0) {
                return false;
            }
            int type = Libc.ioctl(fd, Libc.NS_GET_NSTYPE);
            Libc.close(fd);
            return type == Libc.CLONE_NEWNET;
        });
    }

    /** Removes {@code /run/netns/<name>}; false when it is gone already. The namespace itself ends with its last user. */
    public static boolean delete(String name) {
        return delete(named(name));
    }

    /** Takes the namespace off that file and removes the file; false when it is gone already. */
    public static boolean delete(Path path) {
        return NativeThreads.call(() -> {
            if (!Files.exists(path)) {
                return false;
            }
            int result = Libc.umount(path.toString(), Libc.MNT_DETACH);
            if (result < 0 && result != -Errno.EINVAL) {
                throw new LinuxException("unmount network namespace " + path, -result);
            }
            try {
                return Files.deleteIfExists(path);
            } catch (IOException e) {
                return removeMountPoint(path, e);
            }
        });
    }

    /**
     * Removes the file of a namespace that is mounted twice, and so stays busy: its directory was mounted on itself, with all that was
     * mounted below it, after the namespace was made. The first mount is out of sight then and cannot be taken off. But a file that is
     * removed from another mount namespace, where nothing is mounted on it, loses its mounts everywhere.
     */
    private static boolean removeMountPoint(Path path, IOException refused) {
        // A child of its own: a thread that changes its mount namespace can start no thread of the JDK any more.
        Child.Ended ended = Child.run(
                List.of(
                        "unshare",
                        "--mount",
                        "--propagation",
                        "private",
                        "sh",
                        "-c",
                        REMOVE_MOUNT_POINT,
                        "sh",
                        path.toString(),
                        String.valueOf(path.getParent())),
                "",
                MOUNT_POINT_LIMIT);
        if (ended.isSuccess()) {
            return true;
        }
        refused.addSuppressed(new IOException("nor from a mount namespace of its own: " + ended));
        throw new UncheckedIOException(
                "remove " + path + "; if it is busy, it is mounted more than once: see /proc/self/mountinfo", refused);
    }

    private static Path named(String name) {
        if (name.isEmpty() || name.contains("/") || name.equals(".") || name.equals("..")) {
            throw new IllegalArgumentException("not a name of a network namespace: '" + name + "'");
        }
        return NAMED.resolve(name);
    }

    private static Identity identityOf(Path path) {
        try {
            Map<String, Object> attributes = Files.readAttributes(path, "unix:dev,ino");
            return new Identity(
                    (Long) requireNonNull(attributes.get("dev")), (Long) requireNonNull(attributes.get("ino")));
        } catch (IOException e) {
            throw new UncheckedIOException("stat " + path, e);
        }
    }

    /** Tells it from every other living namespace. */
    public Identity identity() {
        return identity;
    }

    /** The path it was opened by. */
    public String name() {
        return name;
    }

    /** The descriptor, for netlink attributes; it stays this object's. */
    public int fd() {
        if (closed.get()) {
            throw new IllegalStateException("network namespace " + name + " is closed");
        }
        return fd;
    }

    /**
     * Runs the task inside, on a platform thread of its own that ends with it, and waits. Sockets and descriptors that the task opens
     * stay in the namespace and may be used from anywhere. An interrupt of the caller reaches the task.
     *
     * <p>The task should open what it needs and end. A thread is born in the namespace of the thread that starts it and stays there:
     * so the task starts no threads, and does nothing that makes the JDK start one, which is also to wake a virtual thread (a new
     * carrier), to start a child with {@link ProcessBuilder} (a reaper). For children there is {@link #command}.
     */
    public <T> T call(Callable<T> task) throws Exception {
        return this.<T, Exception>run(task::call);
    }

    /** As {@link #call}, for a task that throws nothing checked but {@code X}. */
    public <T, X extends Exception> T run(Task<T, X> task) throws X {
        return NativeThreads.callInterruptibly("netns", () -> runOnThisThread(task));
    }

    /**
     * Runs the task inside on the calling thread and brings it home again: cheap, for a platform thread that does nothing else. What
     * {@link #call} says of tasks holds here too.
     */
    public <T, X extends Exception> T runOnThisThread(Task<T, X> task) throws X {
        int home = Libc.open("/proc/thread-self/ns/net", Libc.O_RDONLY | Libc.O_CLOEXEC);
        if (home < 0) {
            throw new LinuxException("open the thread's own network namespace", -home);
        }
        try {
            enter(fd());
            return task.run();
        } finally {
            // Back before the caller is woken: waking it may start a carrier thread, which would be born in there.
            enter(home);
            Libc.close(home);
        }
    }

    private void enter(int namespace) {
        int result = Libc.setns(namespace, Libc.CLONE_NEWNET);
        if (result < 0) {
            throw new LinuxException("enter network namespace " + name, -result);
        }
    }

    /**
     * The command line that runs a program inside while this is open, for {@link ProcessBuilder} on any thread. It uses util-linux's
     * {@code nsenter}.
     */
    public List<String> command(String... words) {
        List<String> command = new ArrayList<>(
                List.of("nsenter", "--net=/proc/" + ProcessHandle.current().pid() + "/fd/" + fd(), "--"));
        command.addAll(List.of(words));
        return List.copyOf(command);
    }

    /** Lets go of it; the second time does nothing. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            NativeThreads.call(() -> Libc.close(fd));
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
