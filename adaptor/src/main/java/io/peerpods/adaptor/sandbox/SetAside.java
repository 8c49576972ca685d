package io.peerpods.adaptor.sandbox;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.adaptor.store.UnreadableRow;
import io.peerpods.cloud.LaunchLog;
import io.peerpods.cloud.SandboxId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sandboxes whose stored row cannot be read. They are not served, and nothing is taken from them: the VM stays while the pod's
 * network namespace does, and is deleted when Kata stops the sandbox or the namespace is gone in two looks. Thread-safe.
 */
final class SetAside {

    private static final Logger log = LoggerFactory.getLogger(SetAside.class);

    private final SandboxContext context;
    private final OrphanRemovals removals;
    private final Map<SandboxId, UnreadableRow> rows = new ConcurrentHashMap<>();
    private final Map<SandboxId, Integer> absences = new ConcurrentHashMap<>();

    SetAside(SandboxContext context, OrphanRemovals removals) {
        this.context = context;
        this.removals = removals;
    }

    /** Takes them up and names each in the log; the removal of those that were being removed begins. */
    void open(List<UnreadableRow> unreadable) {
        for (UnreadableRow row : unreadable) {
            SandboxId.tryParse(row.id()).ifPresent(id -> rows.put(id, row));
            log.error(
                    "the stored row of sandbox {} cannot be read and is set aside: {}. Its pod has no agent path here; its VM is kept"
                            + " until the pod is deleted. Other sandboxes are served",
                    row.id(),
                    row.why());
        }
        rows.forEach((id, row) -> {
            if (row.stopping()) {
                remove(id, row);
            }
        });
    }

    boolean contains(SandboxId id) {
        return rows.containsKey(id);
    }

    /** @throws StatusException FAILED_PRECONDITION when the sandbox is one of these */
    void refuse(SandboxId id) throws StatusException {
        UnreadableRow row = rows.get(id);
        if (row != null) {
            throw Status.FAILED_PRECONDITION
                    .withDescription("sandbox " + id + ": its stored row cannot be read (" + row.why()
                            + "); delete the pod, it comes back with another sandbox")
                    .asException();
        }
    }

    /** StopVM; false when the sandbox is none of these. */
    boolean stop(SandboxId id) {
        UnreadableRow row = rows.get(id);
        if (row != null) {
            remove(id, row);
        }
        return row != null;
    }

    Set<SandboxId> ids() {
        return Set.copyOf(rows.keySet());
    }

    /** One look whether the pod still lives. */
    void sweep(SandboxId id) {
        UnreadableRow row = rows.get(id);
        if (row == null) {
            return;
        }
        if (context.tunnels().isPresent(row.netns(), row.netnsIdentity())) {
            absences.remove(id);
        } else if (absences.merge(id, 1, Integer::sum) > 1) {
            remove(id, row);
        }
    }

    private void remove(SandboxId id, UnreadableRow row) {
        log.info("removing sandbox {}, whose row cannot be read: its pod is gone", id);
        removals.begin(id, new Memory(row.launchLog()), () -> rows.remove(id));
    }

    /** What the provider wrote, and writes while it deletes; the row itself is not written again. */
    private static final class Memory implements LaunchLog {

        private volatile Optional<String> last;

        private Memory(Optional<String> last) {
            this.last = last;
        }

        @Override
        public Optional<String> last() {
            return last;
        }

        @Override
        public void write(String text) {
            last = Optional.of(text);
        }
    }
}
