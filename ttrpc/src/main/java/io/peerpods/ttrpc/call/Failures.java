package io.peerpods.ttrpc.call;

import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.peerpods.ttrpc.frame.StatusMessage;
import java.io.EOFException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** What a handler's exception becomes on the wire, after containerd/ttrpc's convertCode. */
final class Failures {
    private Failures() {}

    /** The status of a handler that threw: its gRPC status if it is one, else by kind, with the exception's text. */
    static StatusMessage thrown(Throwable failure) {
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (t instanceof StatusRuntimeException e) {
                return new StatusMessage(e.getStatus(), trailers(e.getTrailers()));
            }
            if (t instanceof StatusException e) {
                return new StatusMessage(e.getStatus(), trailers(e.getTrailers()));
            }
        }
        return new StatusMessage(byKind(failure), new Metadata());
    }

    /** gRPC's stubs turn a foreign exception into UNKNOWN without a text; the text is what the user gets to see. */
    static Status told(Status status) {
        Throwable cause = status.getCause();
        boolean silent = status.getCode() == Status.Code.UNKNOWN && status.getDescription() == null;
        return silent && cause != null ? byKind(cause) : status;
    }

    private static Status byKind(Throwable failure) {
        Status status = switch (failure) {
            case EOFException e -> Status.OUT_OF_RANGE;
            case IllegalArgumentException e -> Status.INVALID_ARGUMENT;
            case CancellationException e -> Status.CANCELLED;
            case TimeoutException e -> Status.DEADLINE_EXCEEDED;
            case FileAlreadyExistsException e -> Status.ALREADY_EXISTS;
            case NoSuchFileException e -> Status.NOT_FOUND;
            case AccessDeniedException e -> Status.PERMISSION_DENIED;
            default -> Status.UNKNOWN;
        };
        String message = failure.getMessage();
        return status.withDescription(message == null ? failure.toString() : message)
                .withCause(failure);
    }

    private static Metadata trailers(@Nullable Metadata trailers) {
        return trailers == null ? new Metadata() : trailers;
    }
}
