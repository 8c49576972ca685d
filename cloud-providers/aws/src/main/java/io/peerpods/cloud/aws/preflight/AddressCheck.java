package io.peerpods.cloud.aws.preflight;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.instance.LaunchFacts;
import software.amazon.awssdk.services.ec2.model.DescribeAccountAttributesRequest;
import software.amazon.awssdk.services.ec2.model.DescribeAddressesRequest;

/** How many pods the account's Elastic IPs allow. */
final class AddressCheck {

    private static final String LIMIT = "vpc-max-elastic-ips";

    private final Ec2Api ec2;

    AddressCheck(Ec2Api ec2) {
        this.ec2 = ec2;
    }

    void check(LaunchFacts known, Findings findings) throws CloudException, InterruptedException {
        var attributes = ec2.describeAccountAttributes(DescribeAccountAttributesRequest.builder()
                .attributeNamesWithStrings(LIMIT)
                .build());
        int limit = attributes.accountAttributes().stream()
                .filter(attribute -> LIMIT.equals(attribute.attributeName()))
                .flatMap(attribute -> attribute.attributeValues().stream())
                .mapToInt(value -> number(value.attributeValue()))
                .findFirst()
                .orElse(0);
        int used = ec2.describeAddresses(DescribeAddressesRequest.builder().build())
                .addresses()
                .size();
        boolean two = known.placements().stream()
                .anyMatch(placement ->
                        known.publicSubnets().contains(placement.secondary().id()));
        int each = two ? 2 : 1;
        int free = Math.max(0, limit - used);
        String detail = used + " of " + limit + " in use, " + each + " a pod: room for " + free / each + " pods";
        String hint = ". Raise the quota \"EC2-VPC Elastic IPs\" (L-0263D0A3), or set AWS_PUBLIC_TWO_NIC=attach";
        if (limit == 0) {
            findings.unchecked("Elastic IPs", "EC2 does not say how many this account may have");
        } else if (free < each) {
            findings.error("Elastic IPs", detail + hint);
        } else if (free < 10 * each) {
            findings.warning("Elastic IPs", detail + hint);
        } else {
            findings.ok("Elastic IPs", detail);
        }
    }

    private static int number(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            return 0;
        }
    }
}
