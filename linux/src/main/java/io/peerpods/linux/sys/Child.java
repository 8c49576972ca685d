package io.peerpods.linux.sys;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/**
 * Runs a short-lived program as a child of the calling platform thread, in that thread's network namespace. Unlike {@link
 * ProcessBuilder} it starts no thread: the JDK's would be born in the namespace and hold it.
 */
public final class Child {

    private static final int SIGKILL = 9;

    // Messages in English; no more of the daemon's environment, which may hold secrets.
    private static final List<String> ENVIRONMENT = List.of("LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin");

    /**
     * How it ended.
     *
     * @param errno positive when it could not be started, else 0
     * @param exit exit status, 128 plus the signal's number when a signal ended it
     * @param timedOut it was killed because its time was up
     * @param output what it printed to both its outputs
     */
    public record Ended(int errno, int exit, boolean timedOut, String output) {

        public boolean isSuccess() {
            return errno == 0 && exit == 0 && !timedOut;
        }
    }

    private Child() {}

    /** Runs the program with this standard input to its end, at most for {@code limit}. */
    public static Ended run(List<String> command, String input, Duration limit) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment ends = arena.allocate(8, 4);
            int failed = Libc.pipe(ends);
            if (failed < 0) {
                return notStarted(-failed);
            }
            int theirInput = view(ends).getInt(0);
            int ourInput = view(ends).getInt(4);
            failed = Libc.pipe(ends);
            if (failed < 0) {
                Libc.close(theirInput);
                Libc.close(ourInput);
                return notStarted(-failed);
            }
            int ourOutput = view(ends).getInt(0);
            int theirOutput = view(ends).getInt(4);
            MemorySegment pid = arena.allocate(4, 4);
            int spawned = Libc.spawn(
                    pid,
                    arena.allocate(256, 16),
                    theirInput,
                    theirOutput,
                    arena.allocateFrom(command.getFirst()),
                    strings(arena, command),
                    strings(arena, ENVIRONMENT));
            Libc.close(theirInput);
            Libc.close(theirOutput);
            if (spawned < 0) {
                Libc.close(ourInput);
                Libc.close(ourOutput);
                return notStarted(-spawned);
            }
            write(arena, ourInput, input);
            Libc.close(ourInput);
            return finish(arena, view(pid).getInt(0), ourOutput, limit);
        }
    }

    private static Ended notStarted(int errno) {
        return new Ended(errno, 0, false, "");
    }

    /** Var handles of the segment itself would be made anew in each process. */
    private static ByteBuffer view(MemorySegment memory) {
        return memory.asByteBuffer().order(ByteOrder.nativeOrder());
    }

    /** An array of C strings, ended by a null pointer. */
    private static MemorySegment strings(Arena arena, List<String> values) {
        MemorySegment array = arena.allocate(Long.BYTES * (values.size() + 1L), Long.BYTES);
        ByteBuffer pointers = view(array);
        values.forEach(value -> pointers.putLong(arena.allocateFrom(value).address()));
        return array; // the last pointer is null: an arena's memory is all zero
    }

    /** A child that ends early does not read on; what it says about that is read later. */
    private static void write(Arena arena, int fd, String text) {
        MemorySegment rest = arena.allocateFrom(text);
        rest = rest.asSlice(0, rest.byteSize() - 1); // without the zero byte
        while (rest.byteSize() > 0) {
            long written = Libc.write(fd, rest);
            if (written < 0 && written != -Errno.EINTR) {
                return;
            }
            rest = rest.asSlice(Math.max(0, written));
        }
    }

    private static Ended finish(Arena arena, int pid, int fd, Duration limit) {
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        MemorySegment buffer = arena.allocate(4096);
        MemorySegment pollFd = arena.allocate(8, 4); // struct pollfd: fd, events, revents
        view(pollFd).putInt(0, fd).putShort(4, Libc.POLLIN);
        long end = System.nanoTime() + limit.toNanos();
        boolean timedOut = false;
        while (true) {
            long left = Math.max(0, (end - System.nanoTime()) / 1_000_000);
            int ready = Libc.poll(pollFd, (int) Math.min(left, Integer.MAX_VALUE));
            if (ready == -Errno.EINTR) {
                continue;
            }
            if (ready == 0) {
                timedOut = true;
                Libc.kill(pid, SIGKILL);
                break;
            }
            long read = Libc.read(fd, buffer);
            if (read == -Errno.EINTR) {
                continue;
            }
            if (read <= 0) {
                break;
            }
            output.writeBytes(buffer.asSlice(0, read).toArray(JAVA_BYTE));
        }
        Libc.close(fd);
        return new Ended(0, exitStatus(arena, pid), timedOut, output.toString(StandardCharsets.UTF_8));
    }

    private static int exitStatus(Arena arena, int pid) {
        MemorySegment status = arena.allocate(4, 4);
        int reaped;
        do {
            reaped = Libc.waitpid(pid, status);
        } while (reaped == -Errno.EINTR);
        int raw = view(status).getInt(0);
        int signal = raw & 0x7f;
        return signal == 0 ? raw >> 8 & 0xff : 128 + signal;
    }
}
