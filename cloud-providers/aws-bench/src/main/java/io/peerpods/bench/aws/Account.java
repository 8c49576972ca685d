package io.peerpods.bench.aws;

import java.net.URI;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.ec2.Ec2Client;

/** A VPC with a subnet and a group for pod VMs. */
record Account(String subnet, String group) {

    static Account make(URI endpoint) {
        try (Ec2Client ec2 = client(endpoint)) {
            String vpc = ec2.createVpc(r -> r.cidrBlock("10.20.0.0/16")).vpc().vpcId();
            String subnet = ec2.createSubnet(r -> r.vpcId(vpc).cidrBlock("10.20.0.0/20"))
                    .subnet()
                    .subnetId();
            String group = ec2.createSecurityGroup(
                            r -> r.vpcId(vpc).groupName("vms").description("vms"))
                    .groupId();
            return new Account(subnet, group);
        }
    }

    /** A client as the SDK makes it, retries included. */
    static Ec2Client client(URI endpoint) {
        return Ec2Client.builder()
                .region(Region.US_EAST_1)
                .endpointOverride(endpoint)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("bench", "bench")))
                .httpClientBuilder(UrlConnectionHttpClient.builder())
                .build();
    }
}
