package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Sysctls;
import io.peerpods.linux.sys.Errno;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/** {@link Op.Sysctl}: {@code /proc/sys/net} shows the settings of the namespace of the thread that opens it. */
record SysctlHandler(Op.Sysctl op) implements OpHandler {

    private static final String VALUE = "value";

    private Path file() {
        return Path.of("/proc/sys", op.key());
    }

    private Optional<String> read(OpContext context) {
        return context.find(op.ns())
                .flatMap(namespace -> namespace.inside(() -> {
                    try {
                        return Optional.of(normal(Sysctls.read(file())));
                    } catch (NoSuchFileException e) {
                        return Optional.empty();
                    } catch (IOException e) {
                        throw failure("read", e);
                    }
                }));
    }

    private void write(OpContext context, String value) {
        context.namespace(op.ns()).inside(() -> {
            try {
                Files.writeString(file(), value + "\n", StandardOpenOption.WRITE);
                return true;
            } catch (IOException e) {
                throw failure("write " + value + " to", e);
            }
        });
    }

    /** The kernel separates the numbers of a setting by tabs. */
    private static String normal(String value) {
        return value.strip().replaceAll("\\s+", " ");
    }

    private LinuxException failure(String verb, IOException e) {
        String what = verb + " " + file();
        if (e instanceof NoSuchFileException) {
            return new LinuxException(what, Errno.ENOENT);
        }
        if (e instanceof AccessDeniedException) {
            return new LinuxException(what, Errno.EACCES);
        }
        String reason = e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.getMessage();
        boolean readOnly = reason != null && reason.contains("Read-only");
        return new LinuxException(what, readOnly ? Errno.EROFS : Errno.EINVAL, reason == null ? "" : reason);
    }

    @Override
    public JsonObject before(OpContext context) {
        JsonObject json = new JsonObject();
        read(context).ifPresent(value -> json.addProperty(VALUE, value));
        return json;
    }

    @Override
    public Optional<String> difference(OpContext context) {
        Optional<String> value = read(context);
        if (value.isEmpty()) {
            return Optional.of("there is no such setting");
        }
        return value.get().equals(normal(op.value())) ? Optional.empty() : Optional.of("it is " + value.get());
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        write(context, op.value());
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        String old = OpCodec.string(before, VALUE);
        boolean ours =
                read(context).filter(value -> value.equals(normal(op.value()))).isPresent();
        if (ours && !old.isEmpty() && !old.equals(normal(op.value()))) {
            write(context, old);
        }
    }
}
