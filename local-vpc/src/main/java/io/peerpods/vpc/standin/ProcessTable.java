package io.peerpods.vpc.standin;

import io.grpc.Status;
import io.peerpods.proto.agent.CreateContainerRequest;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** The containers of the sandbox and the processes in them, by the ids that the shim gives them. */
final class ProcessTable {

    private final Map<String, CreateContainerRequest> created = new HashMap<>();
    private final Map<Key, GuestProcess> processes = new HashMap<>();
    private String sandboxId = "";

    /** @param exec the exec id; the container's first process has the container's own */
    private record Key(String container, String exec) {}

    synchronized void sandbox(String id) {
        sandboxId = id;
    }

    synchronized void create(CreateContainerRequest request) {
        String id = request.getContainerId();
        if (id.isEmpty()) {
            throw Status.INVALID_ARGUMENT
                    .withDescription("a container has an id")
                    .asRuntimeException();
        }
        if (created.putIfAbsent(id, request) != null) {
            throw Status.ALREADY_EXISTS
                    .withDescription("container " + id + " exists")
                    .asRuntimeException();
        }
    }

    /** Starts the container's own process; it was created before. */
    synchronized void start(String container) {
        CreateContainerRequest request = created.get(container);
        if (request == null) {
            throw unknown(container);
        }
        Key key = key(container, "");
        if (processes.containsKey(key)) {
            throw Status.FAILED_PRECONDITION
                    .withDescription("container " + container + " was started before")
                    .asRuntimeException();
        }
        boolean pause = container.equals(sandboxId);
        processes.put(key, pause ? GuestProcess.pause(request.getOCI()) : GuestProcess.container(request.getOCI()));
    }

    synchronized void exec(String container, String exec, io.peerpods.proto.agent.Process what) {
        CreateContainerRequest request = created.get(container);
        GuestProcess init = processes.get(key(container, ""));
        if (request == null || init == null) {
            throw unknown(container);
        }
        Key key = key(container, exec);
        if (exec.isEmpty() || processes.containsKey(key)) {
            throw Status.ALREADY_EXISTS
                    .withDescription("container " + container + " has a process '" + exec + "'")
                    .asRuntimeException();
        }
        processes.put(key, init.exec(request.getOCI(), what));
    }

    /** The process, which need not live any more. */
    synchronized GuestProcess get(String container, String exec) {
        GuestProcess found = processes.get(key(container, exec));
        if (found == null) {
            throw Status.NOT_FOUND
                    .withDescription("container " + container + " has no process '" + exec + "'")
                    .asRuntimeException();
        }
        return found;
    }

    /** Forgets an exec whose end the shim has learnt. */
    synchronized void forget(String container, String exec) {
        Key key = key(container, exec);
        if (!key.equals(key(container, ""))) {
            processes.remove(key);
        }
    }

    /** Ends what still runs in the container and forgets it. */
    synchronized void remove(String container) {
        if (created.remove(container) == null) {
            throw unknown(container);
        }
        for (Iterator<Map.Entry<Key, GuestProcess>> all = processes.entrySet().iterator(); all.hasNext(); ) {
            Map.Entry<Key, GuestProcess> entry = all.next();
            if (entry.getKey().container().equals(container)) {
                entry.getValue().end();
                all.remove();
            }
        }
    }

    /** Ends and forgets everything. */
    synchronized void clear() {
        List.copyOf(created.keySet()).forEach(this::remove);
        sandboxId = "";
    }

    private static Key key(String container, String exec) {
        return new Key(container, exec.isEmpty() ? container : exec);
    }

    private static RuntimeException unknown(String container) {
        return Status.NOT_FOUND.withDescription("no container " + container).asRuntimeException();
    }
}
