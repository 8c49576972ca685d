package io.peerpods.cloud.aws.image;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NotFound;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.ec2.model.DescribeImagesRequest;

/** Describes images, each once: what matters of an image never changes. Thread-safe. */
public final class Images {

    private final Ec2Api ec2;
    private final Map<String, Image> known = new ConcurrentHashMap<>();

    public Images(Ec2Api ec2) {
        this.ec2 = ec2;
    }

    /**
     * The image with this id.
     *
     * @throws CloudException when it does not exist, or has no EBS root volume
     */
    public Image image(String id) throws CloudException, InterruptedException {
        Image image = known.get(id);
        if (image == null) {
            image = describe(id);
            if (image.state().equals("available")) {
                known.put(id, image);
            }
        }
        return image;
    }

    private Image describe(String id) throws CloudException, InterruptedException {
        var found = ec2.describeImages(
                        DescribeImagesRequest.builder().imageIds(id).build())
                .images();
        if (found.isEmpty()) {
            throw new NotFound(
                    Outcome.NOT_DONE,
                    "image " + id + " does not exist in this region, or this account may not use it (PODVM_AMI_ID)");
        }
        var image = found.getFirst();
        String root = text(image.rootDeviceName());
        int size = image.blockDeviceMappings().stream()
                .filter(mapping -> root.equals(mapping.deviceName()) && mapping.ebs() != null)
                .map(mapping -> Optional.ofNullable(mapping.ebs().volumeSize()).orElse(0))
                .findFirst()
                .orElse(0);
        if (root.isEmpty() || !"ebs".equals(image.rootDeviceTypeAsString())) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE, "image " + id + " has no EBS root volume: a pod VM image needs one");
        }
        return new Image(
                id,
                text(image.stateAsString()),
                text(image.architectureAsString()),
                root,
                size,
                text(image.bootModeAsString()));
    }

    private static String text(@Nullable String text) {
        return text == null ? "" : text;
    }
}
