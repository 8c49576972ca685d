package io.peerpods.linux.sys;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The few system calls that netlink and network namespaces need. Each answers what the C library answers, or the negative errno.
 * Call from platform threads only: see {@link NativeThreads}.
 */
@SuppressWarnings("restricted")
public final class Libc {

    public static final int AF_INET = 2;
    public static final int AF_INET6 = 10;
    public static final int AF_BRIDGE = 7;
    public static final int AF_NETLINK = 16;
    public static final int SOCK_RAW = 3;
    public static final int SOCK_CLOEXEC = 0x80000;
    public static final int SOL_SOCKET = 1;
    public static final int SO_RCVTIMEO = 20;
    public static final int SO_RCVBUF = 8;
    public static final int MSG_TRUNC = 0x20;
    public static final int O_RDONLY = 0;
    public static final int O_CREAT = 0x40;
    public static final int O_EXCL = 0x80;
    public static final int O_CLOEXEC = 0x80000;
    public static final int CLONE_NEWNET = 0x40000000;
    public static final long MS_BIND = 1 << 12;
    public static final long MS_REC = 1 << 14;
    public static final long MS_SHARED = 1 << 20;
    public static final int MNT_DETACH = 2;
    /** _IO(0xb7, 0x3): the CLONE_NEW* number of the namespace behind a descriptor (ioctl_nsfs(2)). */
    public static final long NS_GET_NSTYPE = 0xb703;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = STATE.varHandle(PathElement.groupElement("errno"));

    // The linker stores errno here right after the call, before the JVM can disturb it.
    private static final ThreadLocal<MemorySegment> CAPTURE =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(STATE));

    private static final MethodHandle SOCKET = function("socket", JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle BIND = function("bind", JAVA_INT, ADDRESS, JAVA_INT);
    private static final MethodHandle SETSOCKOPT =
            function("setsockopt", JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT);
    private static final MethodHandle SEND = longFunction("send", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle RECV = longFunction("recv", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle CLOSE = function("close", JAVA_INT);
    private static final MethodHandle SETNS = function("setns", JAVA_INT, JAVA_INT);
    private static final MethodHandle UNSHARE = function("unshare", JAVA_INT);
    private static final MethodHandle MOUNT = function("mount", ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS);
    private static final MethodHandle UMOUNT2 = function("umount2", ADDRESS, JAVA_INT);
    private static final MethodHandle OPEN = variadic("open", 2, ADDRESS, JAVA_INT, JAVA_INT);
    private static final MethodHandle IOCTL = variadic("ioctl", 2, JAVA_INT, JAVA_LONG);

    private static final MethodHandle PIPE2 = function("pipe2", ADDRESS, JAVA_INT);
    private static final MethodHandle READ = longFunction("read", JAVA_INT, ADDRESS, JAVA_LONG);
    private static final MethodHandle WRITE = longFunction("write", JAVA_INT, ADDRESS, JAVA_LONG);
    private static final MethodHandle POLL = function("poll", ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle WAITPID = function("waitpid", JAVA_INT, ADDRESS, JAVA_INT);
    private static final MethodHandle KILL = function("kill", JAVA_INT, JAVA_INT);
    private static final MethodHandle SPAWN =
            function("posix_spawnp", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    private static final MethodHandle ACTIONS_INIT = function("posix_spawn_file_actions_init", ADDRESS);
    private static final MethodHandle ACTIONS_DUP2 =
            function("posix_spawn_file_actions_adddup2", ADDRESS, JAVA_INT, JAVA_INT);
    private static final MethodHandle ACTIONS_DESTROY = function("posix_spawn_file_actions_destroy", ADDRESS);

    // glibc 2.34 and later; without it a child holds descriptors that the JDK did not mark, until it ends.
    private static final Optional<MethodHandle> ACTIONS_CLOSEFROM = LINKER.defaultLookup()
            .find("posix_spawn_file_actions_addclosefrom_np")
            .map(address -> LINKER.downcallHandle(
                    address,
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT),
                    Linker.Option.captureCallState("errno")));

    private Libc() {}

    private static MethodHandle function(String name, MemoryLayout... arguments) {
        return handle(name, FunctionDescriptor.of(JAVA_INT, arguments));
    }

    private static MethodHandle longFunction(String name, MemoryLayout... arguments) {
        return handle(name, FunctionDescriptor.of(JAVA_LONG, arguments));
    }

    private static MethodHandle variadic(String name, int fixed, MemoryLayout... arguments) {
        return handle(name, FunctionDescriptor.of(JAVA_INT, arguments), Linker.Option.firstVariadicArg(fixed));
    }

    private static MethodHandle handle(String name, FunctionDescriptor descriptor, Linker.Option... more) {
        Linker.Option[] options = new Linker.Option[more.length + 1];
        options[0] = Linker.Option.captureCallState("errno");
        System.arraycopy(more, 0, options, 1, more.length);
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor, options);
    }

    public static int socket(int domain, int type, int protocol) {
        MemorySegment state = state();
        try {
            return (int) result(state, (int) SOCKET.invokeExact(state, domain, type, protocol));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    public static int bind(int fd, MemorySegment address) {
        MemorySegment state = state();
        try {
            return (int) result(state, (int) BIND.invokeExact(state, fd, address, (int) address.byteSize()));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    public static int setsockopt(int fd, int level, int option, MemorySegment value) {
        MemorySegment state = state();
        try {
            return (int) result(
                    state, (int) SETSOCKOPT.invokeExact(state, fd, level, option, value, (int) value.byteSize()));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    public static long send(int fd, MemorySegment buffer, long length) {
        MemorySegment state = state();
        try {
            return result(state, (long) SEND.invokeExact(state, fd, buffer, length, 0));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    public static long recv(int fd, MemorySegment buffer, int flags) {
        MemorySegment state = state();
        try {
            return result(state, (long) RECV.invokeExact(state, fd, buffer, buffer.byteSize(), flags));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    public static int open(String path, int flags) {
        MemorySegment state = state();
        try (Arena arena = Arena.ofConfined()) {
            return (int) result(state, (int) OPEN.invokeExact(state, arena.allocateFrom(path), flags, 0));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    public static int close(int fd) {
        MemorySegment state = state();
        try {
            return (int) result(state, (int) CLOSE.invokeExact(state, fd));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** An ioctl without argument. */
    public static int ioctl(int fd, long request) {
        MemorySegment state = state();
        try {
            return (int) result(state, (int) IOCTL.invokeExact(state, fd, request));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** Changes the calling thread: only on one that ends with the work, {@link NativeThreads#callOnFreshThread}. */
    public static int setns(int fd, int type) {
        MemorySegment state = state();
        try {
            return (int) result(state, (int) SETNS.invokeExact(state, fd, type));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** Changes the calling thread: only on one that ends with the work, {@link NativeThreads#callOnFreshThread}. */
    public static int unshare(int flags) {
        MemorySegment state = state();
        try {
            return (int) result(state, (int) UNSHARE.invokeExact(state, flags));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    public static int mount(String source, String target, @Nullable String type, long flags) {
        MemorySegment state = state();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment typeName = type == null ? MemorySegment.NULL : arena.allocateFrom(type);
            return (int) result(state, (int) MOUNT.invokeExact(
                    state,
                    arena.allocateFrom(source),
                    arena.allocateFrom(target),
                    typeName,
                    flags,
                    MemorySegment.NULL));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    public static int umount(String target, int flags) {
        MemorySegment state = state();
        try (Arena arena = Arena.ofConfined()) {
            return (int) result(state, (int) UMOUNT2.invokeExact(state, arena.allocateFrom(target), flags));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** Two descriptors, to read from and to write to, that children do not inherit. */
    static int pipe(MemorySegment twoInts) {
        MemorySegment state = state();
        try {
            return (int) result(state, (int) PIPE2.invokeExact(state, twoInts, O_CLOEXEC));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    static long read(int fd, MemorySegment buffer) {
        MemorySegment state = state();
        try {
            return result(state, (long) READ.invokeExact(state, fd, buffer, buffer.byteSize()));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    static long write(int fd, MemorySegment buffer) {
        MemorySegment state = state();
        try {
            return result(state, (long) WRITE.invokeExact(state, fd, buffer, buffer.byteSize()));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** Waits for one descriptor, a struct pollfd; 0 when the time is up. */
    static int poll(MemorySegment pollFd, int milliseconds) {
        MemorySegment state = state();
        try {
            return (int) result(state, (int) POLL.invokeExact(state, pollFd, 1L, milliseconds));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    static int waitpid(int pid, MemorySegment status) {
        MemorySegment state = state();
        try {
            return (int) result(state, (int) WAITPID.invokeExact(state, pid, status, 0));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    static int kill(int pid, int signal) {
        MemorySegment state = state();
        try {
            return (int) result(state, (int) KILL.invokeExact(state, pid, signal));
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /**
     * Starts a program whose standard input is {@code in}, and output and errors {@code out}; 0, or the negative errno.
     *
     * @param pid receives the process id
     * @param scratch 256 bytes for posix_spawn_file_actions_t, which has 80 in glibc
     */
    static int spawn(
            MemorySegment pid,
            MemorySegment scratch,
            int in,
            int out,
            MemorySegment file,
            MemorySegment argv,
            MemorySegment environment) {
        MemorySegment state = state();
        try {
            int code = (int) ACTIONS_INIT.invokeExact(state, scratch);
            if (code != 0) {
                return -code;
            }
            code = (int) ACTIONS_DUP2.invokeExact(state, scratch, in, 0);
            code = code != 0 ? code : (int) ACTIONS_DUP2.invokeExact(state, scratch, out, 1);
            code = code != 0 ? code : (int) ACTIONS_DUP2.invokeExact(state, scratch, out, 2);
            if (code == 0 && ACTIONS_CLOSEFROM.isPresent()) {
                code = (int) ACTIONS_CLOSEFROM.get().invokeExact(state, scratch, 3);
            }
            if (code == 0) {
                code = (int) SPAWN.invokeExact(state, pid, file, scratch, MemorySegment.NULL, argv, environment);
            }
            int ignored = (int) ACTIONS_DESTROY.invokeExact(state, scratch);
            return -code;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** A virtual thread in native code pins its carrier, and setns there would leave the carrier in the wrong namespace. */
    private static MemorySegment state() {
        if (Thread.currentThread().isVirtual()) {
            throw new IllegalStateException("native calls are made on platform threads: see NativeThreads");
        }
        return CAPTURE.get();
    }

    private static long result(MemorySegment state, long returned) {
        return returned < 0 ? -(int) ERRNO.get(state, 0L) : returned;
    }

    private static RuntimeException unexpected(Throwable t) {
        if (t instanceof RuntimeException e) {
            return e;
        }
        if (t instanceof Error e) {
            throw e;
        }
        return new IllegalStateException(t);
    }
}
