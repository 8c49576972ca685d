package io.peerpods.cloud.aws.ec2;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NoCapacity;
import io.peerpods.cloud.CloudException.NotFound;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.QuotaExceeded;
import io.peerpods.cloud.CloudException.Throttled;
import io.peerpods.cloud.CloudException.Unauthorized;
import io.peerpods.cloud.CloudException.Unavailable;
import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLHandshakeException;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;

/** What an error of EC2 or of the way to it means. The one place that reads error codes by kind. */
public final class Ec2Errors {

    private static final Set<String> THROTTLED = Set.of(
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "EC2ThrottledException",
            "TooManyRequestsException",
            "BandwidthLimitExceeded",
            "SlowDown");

    private static final Set<String> NO_CAPACITY = Set.of(
            "InsufficientInstanceCapacity",
            "InsufficientCapacity",
            "InsufficientHostCapacity",
            "InsufficientReservedInstanceCapacity",
            "InsufficientFreeAddressesInSubnet",
            "InsufficientAddressCapacity",
            "InsufficientVolumeCapacity",
            "ReservationCapacityExceeded",
            "UnfulfillableCapacity",
            "SpotMaxPriceTooLow");

    private static final Set<String> QUOTA = Set.of(
            "InstanceLimitExceeded",
            "VcpuLimitExceeded",
            "MaxSpotInstanceCountExceeded",
            "AddressLimitExceeded",
            "NetworkInterfaceLimitExceeded",
            "ResourceCountExceeded",
            "VolumeLimitExceeded",
            "MaxIOPSLimitExceeded",
            "SnapshotLimitExceeded");

    private static final Set<String> EXPIRED = Set.of("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired");

    private static final Set<String> NOT_ALLOWED = Set.of(
            "UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "OptInRequired", "PendingVerification");

    private static final Set<String> BAD_CREDENTIALS = Set.of(
            "AuthFailure",
            "Blocked",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSecurity",
            "MissingAuthenticationToken",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException");

    private static final Set<String> BROKEN = Set.of(
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "ServerInternal",
            "ServiceUnavailable",
            "Unavailable");

    private Ec2Errors() {}

    /** The error code of EC2 that is behind a failure, or empty when EC2 gave none. */
    public static String code(CloudException failure) {
        return failure.getCause() instanceof AwsServiceException service ? code(service) : "";
    }

    private static String code(AwsServiceException failure) {
        var details = failure.awsErrorDetails();
        return details == null ? "" : Optional.ofNullable(details.errorCode()).orElse("");
    }

    /** The message of EC2 behind a failure. */
    public static String message(CloudException failure) {
        return failure.getCause() instanceof AwsServiceException service
                ? text(service)
                : Optional.ofNullable(failure.getMessage()).orElse("");
    }

    private static String text(AwsServiceException failure) {
        var details = failure.awsErrorDetails();
        String message = details == null ? null : details.errorMessage();
        return Optional.ofNullable(message)
                .or(() -> Optional.ofNullable(failure.getMessage()))
                .orElse("no message");
    }

    /** The kind of a failed call; {@code action} names it, such as {@code RunInstances}. */
    static CloudException classify(String action, SdkException failure) {
        return failure instanceof AwsServiceException service ? answered(action, service) : unanswered(action, failure);
    }

    private static CloudException answered(String action, AwsServiceException e) {
        String code = code(e);
        String said = action + ": " + (code.isEmpty() ? "HTTP " + e.statusCode() : code) + ": " + text(e);
        if (THROTTLED.contains(code) || e.statusCode() == 429) {
            return new Throttled(Outcome.NOT_DONE, said, e);
        }
        if (NO_CAPACITY.contains(code) || unsupportedInZone(code, text(e))) {
            return new NoCapacity(Outcome.NOT_DONE, said, e);
        }
        if (QUOTA.contains(code)) {
            return new QuotaExceeded(Outcome.NOT_DONE, said + ". " + quotaHint(code), e);
        }
        if (EXPIRED.contains(code)) {
            return new Unauthorized(
                    Outcome.NOT_DONE,
                    said + ". The credentials have expired: renew the static ones in peer-pods-secret, or use a role"
                            + " (IRSA, pod identity, instance profile), which renews itself",
                    e);
        }
        if (code.equals("RequestExpired") || code.equals("RequestTimeTooSkewed")) {
            return new Unauthorized(
                    Outcome.NOT_DONE, said + ". The worker's clock is wrong: set it (chrony, systemd-timesyncd)", e);
        }
        if (NOT_ALLOWED.contains(code)) {
            return new Unauthorized(
                    Outcome.NOT_DONE,
                    said + ". The credentials may not do this: allow ec2:" + action
                            + " in their IAM policy (docs/aws.md has the whole of it)",
                    e);
        }
        if (BAD_CREDENTIALS.contains(code)) {
            return new Unauthorized(
                    Outcome.NOT_DONE,
                    said + ". EC2 does not accept the credentials: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and"
                            + " AWS_SESSION_TOKEN, or the role",
                    e);
        }
        if (code.endsWith(".NotFound")
                || code.endsWith(".NotFoundException")
                || code.equals("InvalidAMIID.Unavailable")) {
            return new NotFound(Outcome.NOT_DONE, said, e);
        }
        if (code.equals("IdempotentParameterMismatch")) {
            return new InvalidRequest(Outcome.UNKNOWN, said, e);
        }
        if (BROKEN.contains(code) || e.statusCode() >= 500 || e.statusCode() == 408) {
            return new Unavailable(Outcome.UNKNOWN, said, e);
        }
        return new InvalidRequest(Outcome.NOT_DONE, said, e);
    }

    private static boolean unsupportedInZone(String code, String message) {
        return code.equals("Unsupported") && message.toLowerCase(Locale.ROOT).contains("availability zone");
    }

    private static String quotaHint(String code) {
        return switch (code) {
            case "AddressLimitExceeded" ->
                "Every pod with a public address takes one or two Elastic IPs: raise the quota"
                        + " \"EC2-VPC Elastic IPs\" (L-0263D0A3), or set AWS_PUBLIC_TWO_NIC=attach, which needs none";
            case "VcpuLimitExceeded", "InstanceLimitExceeded" ->
                "Raise the quota of running on-demand vCPUs of these"
                        + " instance families in Service Quotas, or add spot to PODVM_CAPACITY_TYPE";
            case "MaxSpotInstanceCountExceeded" ->
                "Raise the quota of spot vCPUs in Service Quotas, or add on-demand to" + " PODVM_CAPACITY_TYPE";
            case "NetworkInterfaceLimitExceeded" -> "Raise the quota \"Network interfaces per Region\" (L-DF5E4CA3)";
            case "VolumeLimitExceeded", "MaxIOPSLimitExceeded" ->
                "Raise the EBS quota of gp3 storage, or set a smaller" + " ROOT_VOLUME_SIZE";
            default -> "Raise that quota in Service Quotas";
        };
    }

    /** The same failure, of a repetition whose first sending may have had its effect. */
    static CloudException withUnknownOutcome(CloudException e) {
        String message = String.valueOf(e.getMessage());
        Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
        return switch (e) {
            case Throttled _ -> new Throttled(Outcome.UNKNOWN, message, cause);
            case Unauthorized _ -> new Unauthorized(Outcome.UNKNOWN, message, cause);
            default -> new Unavailable(Outcome.UNKNOWN, message, cause);
        };
    }

    private static CloudException unanswered(String action, SdkException e) {
        String said = action + ": " + e.getMessage();
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            boolean neverSent = cause instanceof ConnectException
                    || cause instanceof UnknownHostException
                    || cause instanceof NoRouteToHostException
                    || cause instanceof SSLHandshakeException;
            if (neverSent) {
                return new Unavailable(
                        Outcome.NOT_DONE,
                        said + ". EC2 cannot be reached: check AWS_REGION, AWS_ENDPOINT_URL and the way out of the"
                                + " worker (NAT gateway or VPC endpoint)",
                        e);
            }
            if (cause instanceof IOException) {
                return new Unavailable(Outcome.UNKNOWN, said, e);
            }
        }
        String message = Optional.ofNullable(e.getMessage()).orElse("");
        if (message.contains("redentials")) {
            return new Unauthorized(
                    Outcome.NOT_DONE,
                    said + ". Give the adaptor credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in"
                            + " peer-pods-secret, a role for its service account, or an instance profile of the worker",
                    e);
        }
        return new Unavailable(Outcome.UNKNOWN, said, e);
    }
}
