package io.peerpods.cloud.aws.subnet;

/** Where a VM's interfaces go: two subnets of one availability zone, often the same one. */
public record Placement(Subnet primary, Subnet secondary) {}
