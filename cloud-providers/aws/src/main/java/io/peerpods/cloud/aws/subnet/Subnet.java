package io.peerpods.cloud.aws.subnet;

/**
 * A subnet.
 *
 * @param zone its availability zone
 * @param cidr its IPv4 range
 * @param freeAddresses how many it had left when it was described
 */
public record Subnet(String id, String vpc, String zone, String cidr, int freeAddresses) {}
