package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.peerpods.linux.sys.NativeThreads;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What undo needs, written before it is needed: a file of JSON lines, one an op, each durable before its op is done. It belongs to one
 * owner. Not for two runs at a time; the {@link Executor} sees to that within one process.
 *
 * <p>A crash can leave the last line torn: it is dropped, for its op cannot have begun. An empty or missing file is a journal without
 * ops.
 */
public final class Journal {

    private static final int VERSION = 1;

    /**
     * One op that may have been done.
     *
     * @param before what was there before it, in the form its behaviour wrote
     */
    record Entry(Op op, JsonObject before) {}

    private final @Nullable Path file;
    private final List<Entry> entries = new ArrayList<>();
    private Optional<String> owner = Optional.empty();
    private long length;

    private Journal(@Nullable Path file) {
        this.file = file;
    }

    /**
     * Reads the journal of that file, which need not exist yet; its directory must.
     *
     * @throws JournalException when there is one that cannot be read, or is damaged elsewhere than at its end
     */
    public static Journal open(Path file) {
        Journal journal = new Journal(file);
        NativeThreads.call(() -> {
            journal.read(file);
            return true;
        });
        return journal;
    }

    /** Without a file: for what does not outlive the process. */
    public static Journal inMemory() {
        return new Journal(null);
    }

    /** Whose ops these are; empty while there are none. */
    public synchronized Optional<String> owner() {
        return owner;
    }

    public synchronized boolean isEmpty() {
        return entries.isEmpty();
    }

    /** The ops that may have been done, in the order of doing. */
    public synchronized List<Op> ops() {
        return entries.stream().map(Entry::op).toList();
    }

    synchronized List<Entry> entries() {
        return List.copyOf(entries);
    }

    /** The op's last entry. */
    synchronized Optional<Entry> entry(Op op) {
        return entries.reversed().stream()
                .filter(entry -> entry.op().equals(op))
                .findFirst();
    }

    /** Adds entries and returns when they are durable: all of them or, on failure, none. */
    synchronized void append(String whose, List<Entry> added) {
        if (owner.isPresent() && !owner.get().equals(whose)) {
            throw new JournalException("journal " + name() + " belongs to " + owner.get() + ", not to " + whose);
        }
        if (added.isEmpty()) {
            return;
        }
        StringBuilder lines = new StringBuilder();
        if (owner.isEmpty()) {
            JsonObject header = new JsonObject();
            header.addProperty("version", VERSION);
            header.addProperty("owner", whose);
            lines.append(header).append('\n');
        }
        for (Entry entry : added) {
            JsonObject line = new JsonObject();
            line.add("op", OpCodec.toJson(entry.op()));
            line.add("before", entry.before());
            lines.append(line).append('\n');
        }
        if (file != null) {
            write(file, lines.toString().getBytes(StandardCharsets.UTF_8));
        }
        owner = Optional.of(whose);
        entries.addAll(added);
    }

    private void write(Path path, byte[] bytes) {
        boolean fresh = !Files.exists(path);
        try (FileChannel channel = FileChannel.open(
                path,
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            channel.truncate(length);
            try {
                ByteBuffer buffer = ByteBuffer.wrap(bytes);
                for (long at = length; buffer.hasRemaining(); ) {
                    at += channel.write(buffer, at);
                }
                channel.force(false);
            } catch (IOException e) {
                takeBack(channel, e);
                throw e;
            }
            if (fresh) {
                syncDirectory(path);
            }
            length += bytes.length;
        } catch (IOException e) {
            throw new JournalException(
                    "cannot write journal " + path + ": " + reason(e)
                            + "; nothing of it was done. Free space or name another" + " state directory",
                    e);
        }
    }

    private void takeBack(FileChannel channel, IOException cause) {
        try {
            channel.truncate(length);
        } catch (IOException e) {
            cause.addSuppressed(e); // the lines stay: undo of what was not done does nothing
        }
    }

    private static void syncDirectory(Path path) throws IOException {
        Path directory = path.toAbsolutePath().getParent();
        if (directory != null) {
            try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    private static String reason(IOException e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    /** Forgets everything: it has been undone. */
    synchronized void clear() {
        if (file != null) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                throw new JournalException("cannot remove journal " + file + ": " + reason(e), e);
            }
        }
        entries.clear();
        owner = Optional.empty();
        length = 0;
    }

    private synchronized void read(Path path) {
        if (!Files.exists(path)) {
            return;
        }
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(path);
        } catch (IOException e) {
            throw new JournalException("cannot read journal " + path + ": " + reason(e), e);
        }
        int start = 0;
        for (int number = 1; start < bytes.length; number++) {
            int end = start;
            while (end < bytes.length && bytes[end] != '\n') {
                end++;
            }
            if (end == bytes.length) {
                return; // torn: without its newline it was never durable
            }
            String line = new String(bytes, start, end - start, StandardCharsets.UTF_8);
            boolean last = end + 1 == bytes.length;
            try {
                take(JsonParser.parseString(line).getAsJsonObject(), number);
            } catch (JsonParseException | IllegalStateException | IllegalArgumentException | NullPointerException e) {
                if (last) {
                    return; // torn in the middle of a block, the newline written before the rest
                }
                throw new JournalException(
                        "journal " + path + " is damaged in line " + number + ": " + e.getMessage()
                                + ". Undo by hand what the readable lines say, then remove it",
                        e);
            }
            start = end + 1;
            length = start;
        }
    }

    private void take(JsonObject line, int number) {
        if (number == 1) {
            if (line.get("version").getAsInt() != VERSION) {
                throw new IllegalArgumentException("version " + line.get("version") + " is not known");
            }
            owner = Optional.of(line.get("owner").getAsString());
            return;
        }
        entries.add(new Entry(OpCodec.fromJson(line.getAsJsonObject("op")), line.getAsJsonObject("before")));
    }

    private String name() {
        return file == null ? "in memory" : file.toString();
    }
}
