package io.peerpods.daemon;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the service manager how far the daemon is (sd_notify(3)): a datagram to the unix socket in {@code NOTIFY_SOCKET}. Does nothing
 * when that is not set. Thread-safe.
 */
public final class SdNotify {

    /** The variable that systemd sets. */
    public static final String KEY = "NOTIFY_SOCKET";

    private static final Logger log = LoggerFactory.getLogger(SdNotify.class);

    private final String socket;

    private SdNotify(String socket) {
        this.socket = socket;
    }

    /** To whom the environment says. */
    public static SdNotify of(Map<String, String> environment) {
        return new SdNotify(environment.getOrDefault(KEY, ""));
    }

    /** The service is up. */
    public void ready() {
        send("READY=1");
    }

    /** The service ends. */
    public void stopping() {
        send("STOPPING=1");
    }

    /** One line for {@code systemctl status}. */
    public void status(String text) {
        send("STATUS=" + text.replace('\n', ' '));
    }

    private void send(String message) {
        if (socket.isEmpty()) {
            return;
        }
        try {
            Datagram.send(socket, message);
        } catch (IOException e) {
            log.warn("the service manager was not told {}: {}", message, e.getMessage());
        }
    }

    /** A datagram to a unix socket, which the JDK's channels cannot send; loaded only when there is a socket to send to. */
    @SuppressWarnings("restricted")
    private static final class Datagram {

        private static final int AF_UNIX = 1;
        private static final int SOCK_DGRAM = 2;
        private static final int SOCK_CLOEXEC = 0x80000;
        private static final int MSG_NOSIGNAL = 0x4000;
        private static final int PATH_AT = 2;
        private static final int PATH_LENGTH = 108;

        // One shape for all three, which is also the one of the module linux: each shape costs a start some
        // milliseconds.
        private static final MethodHandle CALL = Linker.nativeLinker()
                .downcallHandle(
                        FunctionDescriptor.of(
                                JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
                        Linker.Option.captureCallState("errno"),
                        Linker.Option.firstVariadicArg(1));

        private Datagram() {}

        static void send(String socket, String message) throws IOException {
            byte[] path = socket.getBytes(StandardCharsets.UTF_8);
            if (path.length >= PATH_LENGTH) {
                throw new IOException(KEY + " is longer than " + (PATH_LENGTH - 1) + " bytes");
            }
            // An abstract socket is written with '@' for its leading NUL.
            if (path[0] == '@') {
                path[0] = 0;
            }
            byte[] text = message.getBytes(StandardCharsets.UTF_8);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment address = arena.allocate(PATH_AT + PATH_LENGTH);
                address.asByteBuffer()
                        .order(ByteOrder.nativeOrder())
                        .putShort((short) AF_UNIX)
                        .put(path);
                MemorySegment body = arena.allocate(text.length);
                body.asByteBuffer().put(text);
                MemorySegment errno = arena.allocate(Linker.Option.captureStateLayout());
                int fd = (int) call(errno, "socket", AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0, 0, 0);
                if (fd < 0) {
                    throw new IOException("no unix socket can be made");
                }
                long sent = call(
                        errno,
                        "sendto",
                        fd,
                        body.address(),
                        text.length,
                        MSG_NOSIGNAL,
                        address.address(),
                        PATH_AT + path.length);
                call(errno, "close", fd, 0, 0, 0, 0, 0);
                if (sent != text.length) {
                    throw new IOException("no process listens on " + socket);
                }
            }
        }

        private static long call(MemorySegment errno, String name, long a, long b, long c, long d, long e, long f) {
            MemorySegment function = Linker.nativeLinker().defaultLookup().findOrThrow(name);
            try {
                return (long) CALL.invokeExact(function, errno, a, b, c, d, e, f);
            } catch (RuntimeException | Error unexpected) {
                throw unexpected;
            } catch (Throwable unexpected) {
                throw new IllegalStateException(unexpected);
            }
        }
    }
}
