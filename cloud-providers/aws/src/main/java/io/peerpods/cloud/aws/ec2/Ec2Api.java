package io.peerpods.cloud.aws.ec2;

import static java.util.Objects.requireNonNull;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.Throttled;
import io.peerpods.cloud.CloudException.Unauthorized;
import io.peerpods.cloud.CloudException.Unavailable;
import io.peerpods.cloud.calls.Time;
import io.peerpods.cloud.calls.TokenBucket;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.*;

/**
 * Every EC2 call that this provider makes, and no other.
 *
 * <p>A call waits for a token of its family, is sent, and comes back classified. A throttled call had no effect and is
 * repeated with back-off. A call without a clear answer is repeated only where that is safe: it reads, it carries a
 * client token, or doing it twice is doing it once; elsewhere the caller gets {@link Outcome#UNKNOWN} and looks.
 * Thread-safe; blocks, on virtual threads.
 */
public final class Ec2Api implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Ec2Api.class);

    private static final int MOST_REPEATS = 4;
    private static final Duration FIRST_PAUSE = Duration.ofMillis(250);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(10);

    /** How long a throttled call is repeated before its caller hears of it. */
    private static final Duration PATIENCE = Duration.ofMinutes(4);

    private enum Repeat {
        SAFE,
        UNSAFE
    }

    private final Ec2ClientSource clients;
    private final Time time;
    private final Map<CallFamily, TokenBucket> buckets = new EnumMap<>(CallFamily.class);
    private final CallCounts counts = new CallCounts();

    /** @param clients closed by {@link #close} */
    public Ec2Api(Ec2ClientSource clients, Time time) {
        this.clients = clients;
        this.time = time;
        for (CallFamily family : CallFamily.values()) {
            buckets.put(family, family.bucket(time));
        }
    }

    public CallCounts counts() {
        return counts;
    }

    public Time time() {
        return time;
    }

    /**
     * Repeats under the request's client token.
     *
     * @param beforeSending run once, when it is this request's turn and before it is sent for the first time
     */
    public RunInstancesResponse runInstances(RunInstancesRequest request, Runnable beforeSending)
            throws CloudException, InterruptedException {
        return call(CallFamily.RUN, "RunInstances", Repeat.SAFE, request, Ec2Client::runInstances, beforeSending);
    }

    public TerminateInstancesResponse terminateInstances(TerminateInstancesRequest request)
            throws CloudException, InterruptedException {
        return call(CallFamily.TERMINATE, "TerminateInstances", Repeat.SAFE, request, Ec2Client::terminateInstances);
    }

    public DescribeInstancesResponse describeInstances(DescribeInstancesRequest request)
            throws CloudException, InterruptedException {
        return read("DescribeInstances", request, Ec2Client::describeInstances);
    }

    public DescribeInstanceTypesResponse describeInstanceTypes(DescribeInstanceTypesRequest request)
            throws CloudException, InterruptedException {
        return read("DescribeInstanceTypes", request, Ec2Client::describeInstanceTypes);
    }

    public DescribeImagesResponse describeImages(DescribeImagesRequest request)
            throws CloudException, InterruptedException {
        return read("DescribeImages", request, Ec2Client::describeImages);
    }

    public DescribeSubnetsResponse describeSubnets(DescribeSubnetsRequest request)
            throws CloudException, InterruptedException {
        return read("DescribeSubnets", request, Ec2Client::describeSubnets);
    }

    public DescribeRouteTablesResponse describeRouteTables(DescribeRouteTablesRequest request)
            throws CloudException, InterruptedException {
        return read("DescribeRouteTables", request, Ec2Client::describeRouteTables);
    }

    public DescribeSecurityGroupsResponse describeSecurityGroups(DescribeSecurityGroupsRequest request)
            throws CloudException, InterruptedException {
        return read("DescribeSecurityGroups", request, Ec2Client::describeSecurityGroups);
    }

    public DescribeLaunchTemplateVersionsResponse describeLaunchTemplateVersions(
            DescribeLaunchTemplateVersionsRequest request) throws CloudException, InterruptedException {
        return read("DescribeLaunchTemplateVersions", request, Ec2Client::describeLaunchTemplateVersions);
    }

    public DescribeAddressesResponse describeAddresses(DescribeAddressesRequest request)
            throws CloudException, InterruptedException {
        return read("DescribeAddresses", request, Ec2Client::describeAddresses);
    }

    public DescribeAccountAttributesResponse describeAccountAttributes(DescribeAccountAttributesRequest request)
            throws CloudException, InterruptedException {
        return read("DescribeAccountAttributes", request, Ec2Client::describeAccountAttributes);
    }

    public DescribeNetworkInterfacesResponse describeNetworkInterfaces(DescribeNetworkInterfacesRequest request)
            throws CloudException, InterruptedException {
        return read("DescribeNetworkInterfaces", request, Ec2Client::describeNetworkInterfaces);
    }

    public DescribeVolumesResponse describeVolumes(DescribeVolumesRequest request)
            throws CloudException, InterruptedException {
        return read("DescribeVolumes", request, Ec2Client::describeVolumes);
    }

    /** There is no client token for addresses: an unknown outcome is the caller's to resolve, by tag. */
    public AllocateAddressResponse allocateAddress(AllocateAddressRequest request)
            throws CloudException, InterruptedException {
        return call(CallFamily.CHANGE, "AllocateAddress", Repeat.UNSAFE, request, Ec2Client::allocateAddress);
    }

    /** Associating an address again with the same interface changes nothing. */
    public AssociateAddressResponse associateAddress(AssociateAddressRequest request)
            throws CloudException, InterruptedException {
        return change("AssociateAddress", request, Ec2Client::associateAddress);
    }

    public DisassociateAddressResponse disassociateAddress(DisassociateAddressRequest request)
            throws CloudException, InterruptedException {
        return change("DisassociateAddress", request, Ec2Client::disassociateAddress);
    }

    public ReleaseAddressResponse releaseAddress(ReleaseAddressRequest request)
            throws CloudException, InterruptedException {
        return change("ReleaseAddress", request, Ec2Client::releaseAddress);
    }

    /** Repeats under the request's client token. */
    public CreateNetworkInterfaceResponse createNetworkInterface(CreateNetworkInterfaceRequest request)
            throws CloudException, InterruptedException {
        return change("CreateNetworkInterface", request, Ec2Client::createNetworkInterface);
    }

    public AttachNetworkInterfaceResponse attachNetworkInterface(AttachNetworkInterfaceRequest request)
            throws CloudException, InterruptedException {
        return call(
                CallFamily.CHANGE, "AttachNetworkInterface", Repeat.UNSAFE, request, Ec2Client::attachNetworkInterface);
    }

    public ModifyNetworkInterfaceAttributeResponse modifyNetworkInterfaceAttribute(
            ModifyNetworkInterfaceAttributeRequest request) throws CloudException, InterruptedException {
        return change("ModifyNetworkInterfaceAttribute", request, Ec2Client::modifyNetworkInterfaceAttribute);
    }

    public DeleteNetworkInterfaceResponse deleteNetworkInterface(DeleteNetworkInterfaceRequest request)
            throws CloudException, InterruptedException {
        return change("DeleteNetworkInterface", request, Ec2Client::deleteNetworkInterface);
    }

    public AttachVolumeResponse attachVolume(AttachVolumeRequest request) throws CloudException, InterruptedException {
        return call(CallFamily.CHANGE, "AttachVolume", Repeat.UNSAFE, request, Ec2Client::attachVolume);
    }

    public DetachVolumeResponse detachVolume(DetachVolumeRequest request) throws CloudException, InterruptedException {
        return change("DetachVolume", request, Ec2Client::detachVolume);
    }

    private <Q, A> A read(String action, Q request, BiFunction<Ec2Client, Q, A> send)
            throws CloudException, InterruptedException {
        return call(CallFamily.DESCRIBE, action, Repeat.SAFE, request, send);
    }

    private <Q, A> A change(String action, Q request, BiFunction<Ec2Client, Q, A> send)
            throws CloudException, InterruptedException {
        return call(CallFamily.CHANGE, action, Repeat.SAFE, request, send);
    }

    private <Q, A> A call(CallFamily family, String action, Repeat repeat, Q request, BiFunction<Ec2Client, Q, A> send)
            throws CloudException, InterruptedException {
        return call(family, action, repeat, request, send, () -> {});
    }

    private <Q, A> A call(
            CallFamily family,
            String action,
            Repeat repeat,
            Q request,
            BiFunction<Ec2Client, Q, A> send,
            Runnable beforeSending)
            throws CloudException, InterruptedException {
        TokenBucket bucket = requireNonNull(buckets.get(family));
        long giveUp = time.nanos() + PATIENCE.toNanos();
        boolean unclear = false;
        for (int failures = 0; ; failures++) {
            bucket.take();
            if (failures == 0) {
                beforeSending.run();
            }
            try {
                A answer = once(action, request, send);
                bucket.accepted();
                return answer;
            } catch (Throttled e) {
                counts.throttled(action);
                bucket.throttled();
                log.debug("{}", e.getMessage());
                if (time.nanos() >= giveUp) {
                    throw unclear ? Ec2Errors.withUnknownOutcome(e) : e;
                }
            } catch (Unavailable e) {
                boolean again = repeat == Repeat.SAFE || e.outcome() == Outcome.NOT_DONE;
                unclear |= e.outcome() == Outcome.UNKNOWN;
                if (!again || failures >= MOST_REPEATS) {
                    throw unclear ? Ec2Errors.withUnknownOutcome(e) : e;
                }
                log.info("{}; the same request is sent again", e.getMessage());
            } catch (Unauthorized e) {
                throw unclear ? Ec2Errors.withUnknownOutcome(e) : e;
            }
            time.sleep(pause(failures));
        }
    }

    /** Doubles from the first pause to the longest, with half of it left to chance so that workers drift apart. */
    private static Duration pause(int failures) {
        long full = Math.min(LONGEST_PAUSE.toMillis(), FIRST_PAUSE.toMillis() << Math.min(failures, 10));
        return Duration.ofMillis(full / 2 + ThreadLocalRandom.current().nextLong(full / 2 + 1));
    }

    private <Q, A> A once(String action, Q request, BiFunction<Ec2Client, Q, A> send)
            throws CloudException, InterruptedException {
        Ec2Client client = clients.get();
        counts.sent(action);
        try {
            return send.apply(client, request);
        } catch (SdkException e) {
            // The SDK reports an interrupt as an exception of its own and sets the flag again.
            if (Thread.interrupted()) {
                InterruptedException interrupted = new InterruptedException(action + " was interrupted");
                interrupted.initCause(e);
                throw interrupted;
            }
            throw Ec2Errors.classify(action, e);
        }
    }

    @Override
    public void close() {
        clients.close();
    }
}
