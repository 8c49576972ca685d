package io.peerpods.cloud.aws.capacity;

import io.peerpods.cloud.aws.config.CapacityType;
import io.peerpods.cloud.aws.instancetype.InstanceType;
import io.peerpods.cloud.aws.subnet.Placement;

/** One way to ask for an instance. */
public record Candidate(InstanceType type, Placement placement, CapacityType capacity) {

    /** As it is named in messages. */
    public String label() {
        return type.name() + " " + capacity.word() + " in "
                + placement.primary().zone() + " (" + placement.primary().id() + ")";
    }
}
