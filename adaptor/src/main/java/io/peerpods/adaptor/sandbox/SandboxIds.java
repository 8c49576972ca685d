package io.peerpods.adaptor.sandbox;

import io.grpc.Status;
import io.grpc.StatusException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** Which texts are sandbox ids: containerd's identifiers. An id becomes a directory's name, so nothing else gets past here. */
public final class SandboxIds {

    /** As containerd has it. */
    public static final int MAX_LENGTH = 76;

    /** Longest path of a unix socket (sun_path without its NUL). */
    public static final int MAX_SOCKET_PATH = 107;

    static final String SOCKET = "agent.ttrpc";

    // containerd pkg/identifiers: no dots in a row, none at the ends, nothing that a path or a URL gives a meaning to.
    private static final Pattern ALLOWED = Pattern.compile("[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*");

    private SandboxIds() {}

    /**
     * Refuses what is no id.
     *
     * @param pod the pod in messages, or empty when it is not known
     * @throws StatusException INVALID_ARGUMENT
     */
    static void check(String id, String pod, Path podsDirectory) throws StatusException {
        String whose = pod.isEmpty() ? "" : " of pod " + pod;
        if (id.isEmpty()) {
            throw invalid("the sandbox id" + whose + " is empty");
        }
        if (id.length() > MAX_LENGTH || !ALLOWED.matcher(id).matches()) {
            throw invalid("sandbox id \"" + shown(id) + "\"" + whose + " is not 1 to " + MAX_LENGTH
                    + " letters, digits and single inner . _ -");
        }
        int length = socket(podsDirectory, id).toString().getBytes(StandardCharsets.UTF_8).length;
        if (length > MAX_SOCKET_PATH) {
            throw invalid("sandbox id \"" + id + "\"" + whose + ": its agent socket below " + podsDirectory
                    + " would have a path of " + length + " bytes, and the kernel takes " + MAX_SOCKET_PATH
                    + "; use a shorter -pods-dir (PODS_DIR)");
        }
    }

    static Path socket(Path podsDirectory, String id) {
        return podsDirectory.resolve(id).resolve(SOCKET);
    }

    /** A text from outside, fit for a message. */
    static String shown(String text) {
        String clean = text.replaceAll("\\p{Cntrl}", "?");
        return clean.length() <= 80 ? clean : clean.substring(0, 80) + ".. (" + text.length() + " characters)";
    }

    static StatusException invalid(String message) {
        return Status.INVALID_ARGUMENT.withDescription(message).asException();
    }
}
