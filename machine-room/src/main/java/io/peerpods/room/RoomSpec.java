package io.peerpods.room;

import java.util.List;

/**
 * What a room is made with.
 *
 * @param subnets the VPC's subnets; a NIC names one by its place here
 * @param mtu of every link of the VPC: 9001 as in EC2, or 1500
 */
public record RoomSpec(List<Subnet> subnets, int mtu, VpcBehaviour behaviour) {

    /** 10.10.0.0/16 for workers and primary NICs, 10.20.0.0/24 for secondary NICs, jumbo frames, everything as in EC2. */
    public static final RoomSpec DEFAULT = new RoomSpec(
            List.of(Subnet.of("10.10.0.0/16", "10.10.254.1"), Subnet.of("10.20.0.0/24")), 9001, VpcBehaviour.EC2);

    public RoomSpec {
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

    public RoomSpec withMtu(int other) {
        return new RoomSpec(subnets, other, behaviour);
    }

    public RoomSpec withBehaviour(VpcBehaviour other) {
        return new RoomSpec(subnets, mtu, other);
    }

    public RoomSpec withSubnets(List<Subnet> other) {
        return new RoomSpec(other, mtu, behaviour);
    }
}
