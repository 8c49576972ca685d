package io.peerpods.cloud.aws.capacity;

import io.peerpods.cloud.aws.config.CapacityType;
import io.peerpods.cloud.aws.instancetype.InstanceType;
import io.peerpods.cloud.aws.subnet.Placement;
import java.util.ArrayList;
import java.util.List;

/** The candidates of one launch in the order in which they are tried. */
public final class Candidates {

    private Candidates() {}

    /**
     * Capacity types in the operator's order, in each the instance types in the order of preference, in each every
     * placement.
     *
     * @param spread any number of the sandbox: launches start with different placements, so that subnets fill evenly
     */
    public static List<Candidate> of(
            List<InstanceType> types, List<Placement> placements, List<CapacityType> capacity, int spread) {
        List<Candidate> candidates = new ArrayList<>();
        for (CapacityType how : capacity) {
            for (InstanceType type : types) {
                for (int i = 0; i < placements.size(); i++) {
                    Placement placement = placements.get(Math.floorMod(spread + i, placements.size()));
                    candidates.add(new Candidate(type, placement, how));
                }
            }
        }
        return candidates;
    }
}
