package io.peerpods.cloud.aws.nic;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NotFound;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.Unavailable;
import io.peerpods.cloud.aws.ec2.ConsistencyWindow;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.tag.Tags;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.ec2.model.AttachNetworkInterfaceRequest;
import software.amazon.awssdk.services.ec2.model.CreateNetworkInterfaceRequest;
import software.amazon.awssdk.services.ec2.model.DeleteNetworkInterfaceRequest;
import software.amazon.awssdk.services.ec2.model.DescribeNetworkInterfacesRequest;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.ModifyNetworkInterfaceAttributeRequest;
import software.amazon.awssdk.services.ec2.model.NetworkInterface;
import software.amazon.awssdk.services.ec2.model.NetworkInterfaceAttachment;
import software.amazon.awssdk.services.ec2.model.NetworkInterfaceAttachmentChanges;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/** A secondary interface that is made and attached beside the launch. Thread-safe. */
public final class SecondaryInterface {

    private final Ec2Api ec2;
    private final ConsistencyWindow window;

    public SecondaryInterface(Ec2Api ec2, ConsistencyWindow window) {
        this.ec2 = ec2;
        this.window = window;
    }

    /** The request that makes one; no call is made here. */
    public static CreateNetworkInterfaceRequest request(
            String subnet, List<String> groups, List<Tag> tags, String clientToken) {
        return CreateNetworkInterfaceRequest.builder()
                .subnetId(subnet)
                .groups(groups)
                .clientToken(clientToken)
                .description("secondary interface of a peer pod")
                .tagSpecifications(TagSpecification.builder()
                        .resourceType(ResourceType.NETWORK_INTERFACE)
                        .tags(tags)
                        .build())
                .build();
    }

    /** Makes the interface, or finds the one that the same request made. */
    public String create(CreateNetworkInterfaceRequest request) throws CloudException, InterruptedException {
        return ec2.createNetworkInterface(request).networkInterface().networkInterfaceId();
    }

    /** Attaches the interface to a running instance as device 1, and lets EC2 delete it together with the instance. */
    public void attach(String id, String instance) throws CloudException, InterruptedException {
        ec2.modifyNetworkInterfaceAttribute(ModifyNetworkInterfaceAttributeRequest.builder()
                .networkInterfaceId(id)
                .attachment(NetworkInterfaceAttachmentChanges.builder()
                        .attachmentId(attachment(id, instance))
                        .deleteOnTermination(true)
                        .build())
                .build());
    }

    private String attachment(String id, String instance) throws CloudException, InterruptedException {
        var request = AttachNetworkInterfaceRequest.builder()
                .networkInterfaceId(id)
                .instanceId(instance)
                .deviceIndex(1)
                .build();
        try {
            return ec2.attachNetworkInterface(request).attachmentId();
        } catch (Unavailable | InvalidRequest e) {
            // The answer was lost, or an earlier one was and this is the second try: the interface knows.
            return attachmentTo(id, instance).orElseThrow(() -> e);
        }
    }

    private Optional<String> attachmentTo(String id, String instance) throws CloudException, InterruptedException {
        return find(List.of(Tags.filter("network-interface-id", id))).stream()
                .map(NetworkInterface::attachment)
                .filter(attachment -> attachment != null && instance.equals(attachment.instanceId()))
                .map(NetworkInterfaceAttachment::attachmentId)
                .findFirst();
    }

    /** The interfaces that match. */
    public List<NetworkInterface> find(List<Filter> filters) throws CloudException, InterruptedException {
        return ec2.describeNetworkInterfaces(DescribeNetworkInterfacesRequest.builder()
                        .filters(filters)
                        .build())
                .networkInterfaces();
    }

    /**
     * Deletes the interface; one that EC2 has not known for the whole {@link ConsistencyWindow} is gone.
     *
     * @throws CloudException Unavailable when an instance still has it
     */
    public void delete(String id) throws CloudException, InterruptedException {
        window.finds(() -> {
            try {
                ec2.deleteNetworkInterface(DeleteNetworkInterfaceRequest.builder()
                        .networkInterfaceId(id)
                        .build());
                return true;
            } catch (NotFound e) {
                return false;
            } catch (InvalidRequest e) {
                throw new Unavailable(Outcome.NOT_DONE, "interface " + id + " is still in use: " + e.getMessage(), e);
            }
        });
    }
}
