package io.peerpods.adaptor.store;

import com.google.gson.JsonParser;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/**
 * The rows of all sandboxes, in SQLite. When a method returns, what it wrote is on disk; when it throws, nothing of it is. Thread-safe:
 * one platform thread does all the work, because SQLite blocks in native code and a virtual thread would pin its carrier.
 */
public final class Store implements AutoCloseable {

    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rw-------");
    private static final String FILE = "sandboxes.db";

    /** Of the schema, in the file's user_version. 1: deleted content is overwritten. */
    private static final int VERSION = 1;

    private final Path file;
    private final Consumer<String> steps;
    private final Connection connection;
    private final ExecutorService thread;
    private final boolean fresh;

    private Store(Path file, Consumer<String> steps, Connection connection, ExecutorService thread, boolean fresh) {
        this.file = file;
        this.steps = steps;
        this.connection = connection;
        this.thread = thread;
        this.fresh = fresh;
    }

    /**
     * Opens the store in the directory, which exists. One process at a time has it open.
     *
     * @param steps is told after each write
     */
    public static Store open(Path directory, Consumer<String> steps) throws StoreException {
        Path file = directory.resolve(FILE);
        ExecutorService thread = Executors.newSingleThreadExecutor(
                Thread.ofPlatform().daemon().name("store").factory());
        try {
            boolean fresh = make(file);
            Connection connection = await(file, thread.submit(() -> connect(file, fresh)));
            return new Store(file, steps, connection, thread, fresh);
        } catch (IOException e) {
            thread.shutdown();
            throw new StoreException(StoreException.Kind.OTHER, "cannot make " + file + ": " + e, e);
        } catch (StoreException e) {
            thread.shutdown();
            throw e;
        }
    }

    private static boolean make(Path file) throws IOException {
        try {
            Files.createFile(file, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
            return true;
        } catch (FileAlreadyExistsException e) {
            Files.setPosixFilePermissions(file, OWNER_ONLY);
            return Files.size(file) == 0;
        }
    }

    private static Connection connect(Path file, boolean fresh) throws SQLException {
        Properties properties = new Properties();
        // Every commit is durable; there is no other reader, so no shared memory beside the file.
        properties.setProperty("locking_mode", "EXCLUSIVE");
        properties.setProperty("journal_mode", "WAL");
        properties.setProperty("synchronous", "FULL");
        properties.setProperty("busy_timeout", "2000");
        Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file, properties);
        try (Statement statement = connection.createStatement()) {
            // Rows hold the VMs' private keys: what is deleted is overwritten.
            statement.execute("PRAGMA secure_delete=ON");
            boolean old = version(statement) < VERSION;
            statement.executeUpdate("BEGIN");
            statement.executeUpdate("""
                    CREATE TABLE IF NOT EXISTS sandbox (
                      id TEXT PRIMARY KEY, state TEXT NOT NULL, vni INTEGER NOT NULL UNIQUE, netns TEXT NOT NULL,
                      netns_identity TEXT NOT NULL, network TEXT NOT NULL, spec TEXT NOT NULL, launch_log TEXT, vm TEXT,
                      created INTEGER NOT NULL, changed INTEGER NOT NULL) WITHOUT ROWID""");
            statement.executeUpdate("CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
            if (old) {
                statement.executeUpdate("PRAGMA user_version=" + VERSION);
            }
            statement.executeUpdate("COMMIT");
            if (old && !fresh) {
                // Before version 1 deleted rows stayed in the file's free pages.
                statement.executeUpdate("VACUUM");
                truncateLog(statement);
            }
        } catch (SQLException e) {
            connection.close();
            throw e;
        }
        return connection;
    }

    private static int version(Statement statement) throws SQLException {
        try (ResultSet result = statement.executeQuery("PRAGMA user_version")) {
            return result.next() ? result.getInt(1) : 0;
        }
    }

    /** The write-ahead log keeps what was written and deleted since, until it is emptied. */
    private static void truncateLog(Statement statement) throws SQLException {
        statement.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    /** Whether there was no store before this start. */
    public boolean isFresh() {
        return fresh;
    }

    /** All rows; a row that cannot be read is set aside and keeps no other from being read. */
    public StoredRows rows() throws StoreException {
        return call(() -> {
            List<SandboxRow> rows = new ArrayList<>();
            List<UnreadableRow> unreadable = new ArrayList<>();
            try (Statement statement = connection.createStatement();
                    ResultSet result = statement.executeQuery("SELECT * FROM sandbox")) {
                while (result.next()) {
                    try {
                        rows.add(row(result));
                    } catch (PodNetworkException | SQLException | RuntimeException e) {
                        unreadable.add(unreadable(result, String.valueOf(e.getMessage())));
                    }
                }
            }
            return new StoredRows(rows, unreadable);
        });
    }

    private static SandboxRow row(ResultSet result) throws SQLException, PodNetworkException {
        String id = result.getString("id");
        SandboxRow row = new SandboxRow(
                SandboxState.valueOf(result.getString("state")),
                result.getString("netns"),
                result.getString("netns_identity"),
                PodNetworkSpec.fromJson(
                        JsonParser.parseString(result.getString("network")).getAsJsonObject()),
                LaunchSpecJson.readSpec(result.getString("spec")),
                Optional.ofNullable(result.getString("launch_log")),
                Optional.ofNullable(result.getString("vm")).map(LaunchSpecJson::readVm),
                Instant.ofEpochMilli(result.getLong("created")),
                Instant.ofEpochMilli(result.getLong("changed")));
        if (!row.id().value().equals(id)) {
            throw new IllegalArgumentException("its specification is that of sandbox " + row.id());
        }
        return row;
    }

    private static UnreadableRow unreadable(ResultSet result, String why) throws SQLException {
        return new UnreadableRow(
                result.getString("id"),
                result.getInt("vni"),
                SandboxState.STOPPING.name().equals(result.getString("state")),
                result.getString("netns"),
                result.getString("netns_identity"),
                Optional.ofNullable(result.getString("launch_log")),
                why);
    }

    /**
     * Adds a sandbox.
     *
     * @throws StoreException of kind TAKEN when its id or its VNI is there already
     */
    public void add(SandboxRow row) throws StoreException {
        write("store add " + row.state(), () -> {
            try (PreparedStatement statement =
                    connection.prepareStatement("INSERT INTO sandbox VALUES (?,?,?,?,?,?,?,?,?,?,?)")) {
                statement.setString(1, row.id().value());
                statement.setString(2, row.state().name());
                statement.setInt(3, row.vni());
                statement.setString(4, row.netns());
                statement.setString(5, row.netnsIdentity());
                statement.setString(6, row.network().toJson().toString());
                statement.setString(7, LaunchSpecJson.write(row.spec()));
                statement.setString(8, row.launchLog().orElse(null));
                statement.setString(9, row.vm().map(LaunchSpecJson::write).orElse(null));
                statement.setLong(10, row.created().toEpochMilli());
                statement.setLong(11, row.changed().toEpochMilli());
                statement.executeUpdate();
            }
        });
    }

    /** As precise as it is stored. */
    private static Instant now() {
        return Instant.ofEpochMilli(System.currentTimeMillis());
    }

    /** The sandbox enters a state. */
    public SandboxRow enter(SandboxRow row, SandboxState state) throws StoreException {
        SandboxRow next = row.withState(state, now());
        update("store " + state, next, "UPDATE sandbox SET state=?, changed=? WHERE id=?", statement -> {
            statement.setString(1, state.name());
            statement.setLong(2, next.changed().toEpochMilli());
        });
        return next;
    }

    /** The VM is known: the sandbox is LAUNCHED. */
    public SandboxRow launched(SandboxRow row, PodVm vm) throws StoreException {
        SandboxRow next = row.withVm(vm, now());
        update("store LAUNCHED", next, "UPDATE sandbox SET state=?, changed=?, vm=? WHERE id=?", statement -> {
            statement.setString(1, SandboxState.LAUNCHED.name());
            statement.setLong(2, next.changed().toEpochMilli());
            statement.setString(3, LaunchSpecJson.write(vm));
        });
        return next;
    }

    /** The provider's text. */
    public SandboxRow launchLog(SandboxRow row, String text) throws StoreException {
        SandboxRow next = row.withLaunchLog(text);
        update(
                "store launch log",
                next,
                "UPDATE sandbox SET launch_log=? WHERE id=?",
                statement -> statement.setString(1, text));
        return next;
    }

    /** Sets the values of an update; the last parameter, the id, is set already. */
    private interface Binding {
        void bind(PreparedStatement statement) throws SQLException;
    }

    private void update(String step, SandboxRow row, String sql, Binding binding) throws StoreException {
        write(step, () -> {
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                binding.bind(statement);
                statement.setString(
                        (int) sql.chars().filter(c -> c == '?').count(),
                        row.id().value());
                if (statement.executeUpdate() != 1) {
                    throw new SQLException("sandbox " + row.id() + " has no row");
                }
            }
        });
    }

    /** Forgets a sandbox; its key is in no file any more when this returns. */
    public void remove(SandboxId id) throws StoreException {
        write("store remove", () -> {
            try (PreparedStatement statement = connection.prepareStatement("DELETE FROM sandbox WHERE id=?")) {
                statement.setString(1, id.value());
                statement.executeUpdate();
            }
            try (Statement statement = connection.createStatement()) {
                truncateLog(statement);
            }
        });
    }

    /** A text by name, such as the random cluster id. */
    public Optional<String> fact(String name) throws StoreException {
        return call(() -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT value FROM fact WHERE name=?")) {
                statement.setString(1, name);
                try (ResultSet result = statement.executeQuery()) {
                    return result.next() ? Optional.of(result.getString(1)) : Optional.empty();
                }
            }
        });
    }

    /** Keeps a text by name; empty forgets it. */
    public void fact(String name, Optional<String> value) throws StoreException {
        write("store fact", () -> {
            try (PreparedStatement statement = connection.prepareStatement(
                    value.isPresent()
                            ? "INSERT OR REPLACE INTO fact (value, name) VALUES (?2, ?1)"
                            : "DELETE FROM fact WHERE name=?1")) {
                statement.setString(1, name);
                if (value.isPresent()) {
                    statement.setString(2, value.get());
                }
                statement.executeUpdate();
            }
        });
    }

    /** A write that returns nothing. */
    private interface Write {
        void run() throws SQLException;
    }

    private void write(String step, Write write) throws StoreException {
        call(() -> {
            write.run();
            return true;
        });
        steps.accept(step);
    }

    private interface Call<T> {
        T run() throws SQLException;
    }

    private <T> T call(Call<T> call) throws StoreException {
        try {
            return await(file, thread.submit(call::run));
        } catch (RejectedExecutionException e) {
            throw new StoreException(StoreException.Kind.OTHER, "the store is closed", e);
        }
    }

    /** Waits for the end: a write that was begun is not walked away from. */
    private static <T> T await(Path file, Future<T> future) throws StoreException {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return future.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    throw failure(file, e.getCause() == null ? e : e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static StoreException failure(Path file, Throwable cause) {
        SQLiteErrorCode code = cause instanceof SQLiteException e ? e.getResultCode() : SQLiteErrorCode.UNKNOWN_ERROR;
        return switch (code) {
            case SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_TRUNCATE ->
                new StoreException(
                        StoreException.Kind.FULL,
                        "cannot write " + file + " (" + code + "): free space there, or name another STATE_DIR",
                        cause);
            case SQLITE_CONSTRAINT, SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE ->
                new StoreException(StoreException.Kind.TAKEN, "id or VNI is taken: " + cause.getMessage(), cause);
            case SQLITE_BUSY, SQLITE_LOCKED ->
                new StoreException(
                        StoreException.Kind.OTHER, file + " is in use by another process; stop that one first", cause);
            case SQLITE_CORRUPT, SQLITE_NOTADB ->
                new StoreException(
                        StoreException.Kind.OTHER,
                        file
                                + " is damaged: move it away and start again; living VMs are then kept and named in the log",
                        cause);
            default ->
                new StoreException(
                        StoreException.Kind.OTHER, "the store " + file + " failed: " + cause.getMessage(), cause);
        };
    }

    /** Ends after what was begun. */
    @Override
    public void close() {
        thread.execute(() -> {
            try {
                connection.close();
            } catch (SQLException e) {
                // What was written is durable; the file's lock ends with the process.
                LoggerFactory.getLogger(Store.class).warn("{} was not closed well: {}", file, e.getMessage());
            }
        });
        thread.close();
    }
}
