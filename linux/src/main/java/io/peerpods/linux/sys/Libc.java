package io.peerpods.linux.sys;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The few system calls that netlink and network namespaces need. Each answers what the C library answers, or the negative errno.
 * Call from platform threads only: see {@link NativeThreads}.
 *
 * <p>All go through one method handle of one shape: a function's address and six machine words. The System V ABI of x86-64 and AAPCS64
 * pass integers and pointers alike in registers, a callee looks at its own arguments' registers only and at the low half of one that holds
 * an int, so words that a function does not ask for do no harm. A handle for each signature costs a process that lives for seconds some
 * 15 ms each, since none of the code that the JDK makes for it can be kept in an AOT cache.
 */
@SuppressWarnings("restricted")
public final class Libc {

    public static final int AF_INET = 2;
    public static final int AF_INET6 = 10;
    public static final int AF_BRIDGE = 7;
    public static final int AF_NETLINK = 16;
    public static final int AF_PACKET = 17;
    public static final int SOCK_RAW = 3;
    public static final int SOCK_CLOEXEC = 0x80000;
    public static final int SOL_SOCKET = 1;
    public static final int SO_RCVTIMEO = 20;
    public static final int SO_RCVBUF = 8;
    public static final int MSG_TRUNC = 0x20;
    public static final int MSG_DONTWAIT = 0x40;
    public static final short POLLIN = 1;
    public static final int O_RDONLY = 0;
    public static final int O_CREAT = 0x40;
    public static final int O_EXCL = 0x80;
    public static final int O_CLOEXEC = 0x80000;
    public static final int O_PATH = 0x200000;
    public static final int CLONE_NEWNET = 0x40000000;
    public static final long MS_BIND = 1 << 12;
    public static final long MS_REC = 1 << 14;
    public static final long MS_SHARED = 1 << 20;
    public static final int MNT_DETACH = 2;
    /** _IO(0xb7, 0x3): the CLONE_NEW* number of the namespace behind a descriptor (ioctl_nsfs(2)). */
    public static final long NS_GET_NSTYPE = 0xb703;

    /** The C function with six words, errno kept for {@link #CAPTURE}. */
    private static final MethodHandle CALL = Linker.nativeLinker()
            .downcallHandle(
                    FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
                    Linker.Option.captureCallState("errno"),
                    Linker.Option.firstVariadicArg(1)); // open and ioctl are: the count of vector registers is 0

    /** Where the linker stores errno right after the call, before the JVM can disturb it: an int, all there is to the state on Linux. */
    private record Capture(MemorySegment state, ByteBuffer view) {
        static Capture allocate() {
            MemorySegment state = Arena.ofAuto().allocate(Linker.Option.captureStateLayout());
            return new Capture(state, state.asByteBuffer().order(ByteOrder.nativeOrder()));
        }
    }

    private static final ThreadLocal<Capture> CAPTURE = ThreadLocal.withInitial(Capture::allocate);

    private static final MemorySegment SOCKET = function("socket");
    private static final MemorySegment BIND = function("bind");
    private static final MemorySegment SETSOCKOPT = function("setsockopt");
    private static final MemorySegment SEND = function("send");
    private static final MemorySegment RECV = function("recv");
    private static final MemorySegment CLOSE = function("close");
    private static final MemorySegment SETNS = function("setns");
    private static final MemorySegment UNSHARE = function("unshare");
    private static final MemorySegment MOUNT = function("mount");
    private static final MemorySegment UMOUNT2 = function("umount2");
    private static final MemorySegment OPEN = function("open");
    private static final MemorySegment IOCTL = function("ioctl");
    private static final MemorySegment PIPE2 = function("pipe2");
    private static final MemorySegment READ = function("read");
    private static final MemorySegment WRITE = function("write");
    private static final MemorySegment POLL = function("poll");
    private static final MemorySegment WAITPID = function("waitpid");
    private static final MemorySegment KILL = function("kill");
    private static final MemorySegment SPAWN = function("posix_spawnp");
    private static final MemorySegment ACTIONS_INIT = function("posix_spawn_file_actions_init");
    private static final MemorySegment ACTIONS_DUP2 = function("posix_spawn_file_actions_adddup2");
    private static final MemorySegment ACTIONS_DESTROY = function("posix_spawn_file_actions_destroy");

    // glibc 2.34 and later; without it a child holds descriptors that the JDK did not mark, until it ends.
    private static final MemorySegment ACTIONS_CLOSEFROM = Linker.nativeLinker()
            .defaultLookup()
            .find("posix_spawn_file_actions_addclosefrom_np")
            .orElse(MemorySegment.NULL);

    private Libc() {}

    private static MemorySegment function(String name) {
        return Linker.nativeLinker().defaultLookup().findOrThrow(name);
    }

    public static int socket(int domain, int type, int protocol) {
        return callInt(SOCKET, domain, type, protocol, 0);
    }

    public static int bind(int fd, MemorySegment address) {
        return callInt(BIND, fd, address.address(), address.byteSize(), 0);
    }

    public static int setsockopt(int fd, int level, int option, MemorySegment value) {
        return (int) call(false, SETSOCKOPT, fd, level, option, value.address(), value.byteSize(), 0);
    }

    public static long send(int fd, MemorySegment buffer, long length) {
        return callLong(SEND, fd, buffer.address(), length, 0);
    }

    public static long recv(int fd, MemorySegment buffer, int flags) {
        return callLong(RECV, fd, buffer.address(), buffer.byteSize(), flags);
    }

    public static int open(String path, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            return callInt(OPEN, arena.allocateFrom(path).address(), flags, 0, 0);
        }
    }

    public static int close(int fd) {
        return callInt(CLOSE, fd, 0, 0, 0);
    }

    /** An ioctl without argument. */
    public static int ioctl(int fd, long request) {
        return callInt(IOCTL, fd, request, 0, 0);
    }

    /** Changes the calling thread: only on one that ends with the work, {@link NativeThreads#callOnFreshThread}. */
    public static int setns(int fd, int type) {
        return callInt(SETNS, fd, type, 0, 0);
    }

    /** Changes the calling thread: only on one that ends with the work, {@link NativeThreads#callOnFreshThread}. */
    public static int unshare(int flags) {
        return callInt(UNSHARE, flags, 0, 0, 0);
    }

    public static int mount(String source, String target, @Nullable String type, long flags) {
        try (Arena arena = Arena.ofConfined()) {
            return callInt(
                    MOUNT,
                    arena.allocateFrom(source).address(),
                    arena.allocateFrom(target).address(),
                    type == null ? 0 : arena.allocateFrom(type).address(),
                    flags);
        }
    }

    public static int umount(String target, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            return callInt(UMOUNT2, arena.allocateFrom(target).address(), flags, 0, 0);
        }
    }

    /** Two descriptors, to read from and to write to, that children do not inherit. */
    public static int pipe(MemorySegment twoInts) {
        return callInt(PIPE2, twoInts.address(), O_CLOEXEC, 0, 0);
    }

    public static long read(int fd, MemorySegment buffer) {
        return callLong(READ, fd, buffer.address(), buffer.byteSize(), 0);
    }

    public static long write(int fd, MemorySegment buffer) {
        return callLong(WRITE, fd, buffer.address(), buffer.byteSize(), 0);
    }

    /** Waits for one descriptor, a struct pollfd; 0 when the time is up. */
    public static int poll(MemorySegment pollFd, int milliseconds) {
        return poll(pollFd, 1, milliseconds);
    }

    /** Waits for one of so many descriptors, each a struct pollfd; 0 when the time is up, which -1 never is. */
    public static int poll(MemorySegment pollFds, int count, int milliseconds) {
        return callInt(POLL, pollFds.address(), count, milliseconds, 0);
    }

    static int waitpid(int pid, MemorySegment status) {
        return callInt(WAITPID, pid, status.address(), 0, 0);
    }

    static int kill(int pid, int signal) {
        return callInt(KILL, pid, signal, 0, 0);
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
        long actions = scratch.address();
        int code = callInt(ACTIONS_INIT, actions, 0, 0, 0);
        if (code != 0) {
            return -code;
        }
        code = callInt(ACTIONS_DUP2, actions, in, 0, 0);
        code = code != 0 ? code : callInt(ACTIONS_DUP2, actions, out, 1, 0);
        code = code != 0 ? code : callInt(ACTIONS_DUP2, actions, out, 2, 0);
        if (code == 0 && !ACTIONS_CLOSEFROM.equals(MemorySegment.NULL)) {
            code = callInt(ACTIONS_CLOSEFROM, actions, 3, 0, 0);
        }
        if (code == 0) {
            code = (int) call(
                    false, SPAWN, pid.address(), file.address(), actions, 0, argv.address(), environment.address());
        }
        callInt(ACTIONS_DESTROY, actions, 0, 0, 0);
        return -code;
    }

    private static int callInt(MemorySegment function, long a, long b, long c, long d) {
        return (int) call(false, function, a, b, c, d, 0, 0);
    }

    private static long callLong(MemorySegment function, long a, long b, long c, long d) {
        return call(true, function, a, b, c, d, 0, 0);
    }

    /**
     * What memory the words point to must outlive the call: here it belongs to an arena that the caller closes, or to a thread.
     *
     * @param wide whether the function answers a long; of an int the upper half is undefined
     */
    private static long call(boolean wide, MemorySegment function, long a, long b, long c, long d, long e, long f) {
        // A virtual thread in native code pins its carrier, and setns there would leave the carrier in the wrong
        // namespace.
        if (Thread.currentThread().isVirtual()) {
            throw new IllegalStateException("native calls are made on platform threads: see NativeThreads");
        }
        Capture capture = CAPTURE.get();
        long returned;
        try {
            returned = (long) CALL.invokeExact(function, capture.state(), a, b, c, d, e, f);
        } catch (RuntimeException | Error unexpected) {
            throw unexpected;
        } catch (Throwable unexpected) {
            throw new IllegalStateException(unexpected);
        }
        long result = wide ? returned : (int) returned;
        return result < 0 ? -capture.view().getInt(0) : result;
    }
}
