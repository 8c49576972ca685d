package io.peerpods.tests.aws;

import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;

/** What an account holds. */
record Account(Ec2Client ec2) {

    /** The instances that run, or will. */
    List<Instance> instances() {
        return ec2.describeInstancesPaginator().reservations().stream()
                .flatMap(reservation -> reservation.instances().stream())
                .filter(instance -> instance.state().name() != InstanceStateName.TERMINATED
                        && instance.state().name() != InstanceStateName.SHUTTING_DOWN)
                .toList();
    }

    /** All that a pod could have left, one line a thing. */
    List<String> everything() {
        List<String> all = new ArrayList<>();
        instances().forEach(instance -> all.add("EC2 instance " + instance.instanceId()));
        ec2.describeNetworkInterfaces()
                .networkInterfaces()
                .forEach(nic -> all.add("EC2 interface " + nic.networkInterfaceId()));
        ec2.describeVolumes().volumes().forEach(volume -> all.add("EC2 volume " + volume.volumeId()));
        ec2.describeAddresses().addresses().forEach(address -> all.add("EC2 address " + address.allocationId()));
        return all;
    }
}
