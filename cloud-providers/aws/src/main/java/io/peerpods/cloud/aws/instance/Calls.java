package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.aws.address.Addresses;
import io.peerpods.cloud.aws.ec2.ConsistencyWindow;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.image.Images;
import io.peerpods.cloud.aws.nic.SecondaryInterface;
import io.peerpods.cloud.aws.volume.Volumes;

/** What launches and deletions are made of, over one {@link Ec2Api}. */
public record Calls(
        LaunchRequests sender,
        InstanceWatch instances,
        Termination termination,
        Addresses addresses,
        SecondaryInterface interfaces,
        Volumes volumes,
        Images images,
        ConsistencyWindow window)
        implements AutoCloseable {

    /** Puts them together. */
    public static Calls over(Ec2Api ec2, InstanceWatch instances, ConsistencyWindow window) {
        return new Calls(
                new LaunchRequests(ec2, instances, window),
                instances,
                new Termination(ec2, window),
                new Addresses(ec2, window),
                new SecondaryInterface(ec2, window),
                new Volumes(ec2, window),
                new Images(ec2),
                window);
    }

    @Override
    public void close() {
        instances.close();
        termination.close();
    }
}
