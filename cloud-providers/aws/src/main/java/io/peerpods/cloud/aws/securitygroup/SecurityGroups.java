package io.peerpods.cloud.aws.securitygroup;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import software.amazon.awssdk.services.ec2.model.DescribeSecurityGroupsRequest;
import software.amazon.awssdk.services.ec2.model.SecurityGroup;

/** Describes security groups. */
public final class SecurityGroups {

    private final Ec2Api ec2;

    public SecurityGroups(Ec2Api ec2) {
        this.ec2 = ec2;
    }

    /** The groups with these ids, by id. */
    public Map<String, SecurityGroup> describe(Set<String> ids) throws CloudException, InterruptedException {
        Map<String, SecurityGroup> found = new LinkedHashMap<>();
        var request = DescribeSecurityGroupsRequest.builder().groupIds(ids).build();
        ec2.describeSecurityGroups(request).securityGroups().forEach(group -> found.put(group.groupId(), group));
        return found;
    }
}
