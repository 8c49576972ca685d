package io.peerpods.cloud.aws.address;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NotFound;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.Unavailable;
import io.peerpods.cloud.aws.ec2.ConsistencyWindow;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.ec2.Ec2Errors;
import io.peerpods.cloud.aws.tag.Tags;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.ec2.model.Address;
import software.amazon.awssdk.services.ec2.model.AllocateAddressRequest;
import software.amazon.awssdk.services.ec2.model.AssociateAddressRequest;
import software.amazon.awssdk.services.ec2.model.DescribeAddressesRequest;
import software.amazon.awssdk.services.ec2.model.DisassociateAddressRequest;
import software.amazon.awssdk.services.ec2.model.DomainType;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.ReleaseAddressRequest;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/** Elastic IPs: allocated with their tags, associated, released. Thread-safe. */
public final class Addresses {

    private static final Duration BETWEEN_TRIES = Duration.ofSeconds(1);
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    /** EC2 says these while an instance or its interface is not ready for an address. */
    private static final Set<String> NOT_READY = Set.of(
            "IncorrectInstanceState",
            "IncorrectState",
            "InvalidInstanceID",
            "InvalidInstanceID.NotFound",
            "InvalidNetworkInterfaceID.NotFound");

    /** An address: its allocation id and itself. */
    public record Allocated(String id, String ip) {}

    private final Ec2Api ec2;
    private final ConsistencyWindow window;

    public Addresses(Ec2Api ec2, ConsistencyWindow window) {
        this.ec2 = ec2;
        this.window = window;
    }

    /**
     * Allocates an address.
     *
     * @throws CloudException of outcome UNKNOWN when one may have been allocated: {@link #find} by the tags tells
     */
    public Allocated allocate(List<Tag> tags, int device) throws CloudException, InterruptedException {
        List<Tag> all = new ArrayList<>(tags);
        all.add(Tag.builder().key(Tags.DEVICE).value(Integer.toString(device)).build());
        var request = AllocateAddressRequest.builder()
                .domain(DomainType.VPC)
                .tagSpecifications(TagSpecification.builder()
                        .resourceType(ResourceType.ELASTIC_IP)
                        .tags(all)
                        .build())
                .build();
        var answer = ec2.allocateAddress(request);
        return new Allocated(answer.allocationId(), answer.publicIp());
    }

    /** The addresses that match. */
    public List<Address> find(List<Filter> filters) throws CloudException, InterruptedException {
        return ec2.describeAddresses(
                        DescribeAddressesRequest.builder().filters(filters).build())
                .addresses();
    }

    /** The address with this allocation id, or empty when it is not there any more. */
    public Optional<Address> get(String allocation) throws CloudException, InterruptedException {
        return find(List.of(Tags.filter("allocation-id", allocation))).stream().findFirst();
    }

    /**
     * Gives an address to an interface, waiting until EC2 lets it.
     *
     * @return the association id
     */
    public String associate(String allocation, String networkInterface) throws CloudException, InterruptedException {
        var request = AssociateAddressRequest.builder()
                .allocationId(allocation)
                .networkInterfaceId(networkInterface)
                .allowReassociation(true)
                .build();
        long giveUp = ec2.time().nanos() + PATIENCE.toNanos();
        while (true) {
            try {
                return ec2.associateAddress(request).associationId();
            } catch (InvalidRequest | NotFound e) {
                if (!NOT_READY.contains(Ec2Errors.code(e)) || ec2.time().nanos() >= giveUp) {
                    throw e;
                }
                ec2.time().sleep(BETWEEN_TRIES);
            }
        }
    }

    /**
     * Takes an address from the interface that has it and gives it back. One that EC2 has not known for the whole
     * {@link ConsistencyWindow} is released.
     *
     * @param association its association, or empty when not known
     */
    public void release(String allocation, String association) throws CloudException, InterruptedException {
        if (!association.isEmpty()) {
            disassociate(association);
        }
        try {
            releaseOnce(allocation);
        } catch (InvalidRequest e) {
            if (!Ec2Errors.code(e).equals("InvalidIPAddress.InUse")) {
                throw e;
            }
            // Associated without our knowledge: the answer to the association was lost.
            Optional<Address> address = get(allocation);
            disassociate(address.map(Address::associationId)
                    .orElseThrow(() -> new Unavailable(
                            Outcome.NOT_DONE, "address " + allocation + " is in use and not associated", e)));
            releaseOnce(allocation);
        }
    }

    private void disassociate(String association) throws CloudException, InterruptedException {
        try {
            ec2.disassociateAddress(DisassociateAddressRequest.builder()
                    .associationId(association)
                    .build());
        } catch (NotFound e) {
            // The instance is gone and the association with it.
        }
    }

    private void releaseOnce(String allocation) throws CloudException, InterruptedException {
        window.finds(() -> {
            try {
                ec2.releaseAddress(
                        ReleaseAddressRequest.builder().allocationId(allocation).build());
                return true;
            } catch (NotFound e) {
                return false;
            }
        });
    }
}
