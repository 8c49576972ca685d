package io.peerpods.adaptor.sandbox;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.cloud.SandboxId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Sandbox ids in calls: a text that is no id, or too long for the path of its socket, is refused with words for Kata. */
public final class SandboxIds {

    /** Longest path of a unix socket (sun_path without its NUL). */
    public static final int MAX_SOCKET_PATH = 107;

    static final String SOCKET = "agent.ttrpc";

    private SandboxIds() {}

    /**
     * The id in a text.
     *
     * @param pod the pod in messages, or empty when it is not known
     * @throws StatusException INVALID_ARGUMENT
     */
    static SandboxId parse(String text, String pod, Path podsDirectory) throws StatusException {
        String whose = pod.isEmpty() ? "" : "pod " + pod + ": ";
        SandboxId id;
        try {
            id = SandboxId.parse(text);
        } catch (IllegalArgumentException e) {
            throw invalid(whose + e.getMessage());
        }
        int length = socket(podsDirectory, id).toString().getBytes(StandardCharsets.UTF_8).length;
        if (length > MAX_SOCKET_PATH) {
            throw invalid(whose + "sandbox id \"" + id + "\": its agent socket below " + podsDirectory
                    + " would have a path of " + length + " bytes, and the kernel takes " + MAX_SOCKET_PATH
                    + "; use a shorter -pods-dir (PODS_DIR)");
        }
        return id;
    }

    static Path socket(Path podsDirectory, SandboxId id) {
        return podsDirectory.resolve(id.value()).resolve(SOCKET);
    }

    static StatusException invalid(String message) {
        return Status.INVALID_ARGUMENT.withDescription(message).asException();
    }
}
