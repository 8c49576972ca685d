package io.peerpods.vpc.model;

import java.util.List;

/**
 * What a VPC is made with.
 *
 * @param subnets the VPC's subnets; a NIC names one by its place here
 * @param mtu of every link of the VPC: 9001 as in EC2, or 1500
 */
public record VpcSpec(List<Subnet> subnets, int mtu, VpcBehaviour behaviour) {

    /** 10.10.0.0/16 for workers and primary NICs, 10.20.0.0/24 for secondary NICs, jumbo frames, everything as in EC2. */
    public static final VpcSpec DEFAULT = new VpcSpec(
            List.of(Subnet.of("10.10.0.0/16", "10.10.254.1"), Subnet.of("10.20.0.0/24")), 9001, VpcBehaviour.EC2);

    public VpcSpec {
        subnets = List.copyOf(subnets);
        if (subnets.isEmpty()) {
            throw new IllegalArgumentException("a VPC has at least one subnet");
        }
        if (mtu < 1280 || mtu > 9216) {
            throw new IllegalArgumentException("the VPC's MTU must be 1280 to 9216, not " + mtu);
        }
        for (int i = 0; i < subnets.size(); i++) {
            for (int j = 0; j < i; j++) {
                if (subnets.get(i).cidr().contains(subnets.get(j).cidr())
                        || subnets.get(j).cidr().contains(subnets.get(i).cidr())) {
                    throw new IllegalArgumentException("subnets overlap: "
                            + subnets.get(j).cidr() + " and " + subnets.get(i).cidr());
                }
            }
        }
    }

    public VpcSpec withMtu(int other) {
        return new VpcSpec(subnets, other, behaviour);
    }

    public VpcSpec withBehaviour(VpcBehaviour other) {
        return new VpcSpec(subnets, mtu, other);
    }

    public VpcSpec withSubnets(List<Subnet> other) {
        return new VpcSpec(other, mtu, behaviour);
    }
}
