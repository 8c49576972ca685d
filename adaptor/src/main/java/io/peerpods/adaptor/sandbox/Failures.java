package io.peerpods.adaptor.sandbox;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.adaptor.store.SandboxRow;
import io.peerpods.adaptor.store.StoreException;
import io.peerpods.cloud.CloudException;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.nft.NftException;
import io.peerpods.linux.op.JournalException;
import io.peerpods.linux.op.OpException;
import io.peerpods.network.spec.PodNetworkException;
import java.io.IOException;

/** What Kata is told, and shows in the pod's events: which sandbox, what was tried, why not. */
final class Failures {

    private Failures() {}

    static String name(SandboxRow row) {
        return "sandbox " + row.id() + " of pod " + row.pod();
    }

    /** A failed start as a status; a status keeps its code. */
    static StatusException of(SandboxRow row, Throwable cause) {
        String text = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
        return switch (cause) {
            case StatusException e -> prefixed(row, e.getStatus());
            case CloudException e ->
                status(code(e), row, "launching its VM " + row.spec().name() + " failed: " + text);
            case StoreException e ->
                status(e.kind() == StoreException.Kind.FULL ? Status.RESOURCE_EXHAUSTED : Status.INTERNAL, row, text);
            case LaunchLogException e -> status(Status.RESOURCE_EXHAUSTED, row, text);
            case PodNetworkException e -> status(Status.FAILED_PRECONDITION, row, text);
            case OpException e -> tunnel(row, text);
            case JournalException e -> status(Status.RESOURCE_EXHAUSTED, row, text);
            case LinuxException e -> tunnel(row, text);
            case NftException e -> tunnel(row, text);
            case IOException e -> status(Status.FAILED_PRECONDITION, row, text);
            default -> status(Status.INTERNAL, row, text);
        };
    }

    private static StatusException tunnel(SandboxRow row, String text) {
        return status(Status.FAILED_PRECONDITION, row, "building its tunnel failed: " + text);
    }

    private static StatusException prefixed(SandboxRow row, Status status) {
        String text = status.getDescription() == null ? status.getCode().toString() : status.getDescription();
        return status(status, row, text);
    }

    private static StatusException status(Status code, SandboxRow row, String text) {
        return code.withDescription(name(row) + ": " + text).asException();
    }

    private static Status code(CloudException e) {
        return switch (e) {
            case CloudException.Throttled t -> Status.UNAVAILABLE;
            case CloudException.Unavailable u -> Status.UNAVAILABLE;
            case CloudException.NoCapacity n -> Status.RESOURCE_EXHAUSTED;
            case CloudException.QuotaExceeded q -> Status.RESOURCE_EXHAUSTED;
            case CloudException.NotFound n -> Status.FAILED_PRECONDITION;
            case CloudException.InvalidRequest i -> Status.INVALID_ARGUMENT;
            case CloudException.Unauthorized u -> Status.PERMISSION_DENIED;
        };
    }
}
