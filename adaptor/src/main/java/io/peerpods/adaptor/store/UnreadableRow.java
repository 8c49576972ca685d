package io.peerpods.adaptor.store;

import java.util.Optional;

/**
 * A row that cannot be read as a whole, such as one of a newer version. What its plain columns tell is enough to keep its VM while its
 * pod lives and to delete it afterwards.
 *
 * @param vni the VXLAN network identifier that it holds
 * @param stopping whether it was being removed
 * @param netns path of the pod's network namespace
 * @param netnsIdentity device and inode of it
 * @param launchLog the provider's memory of launches, empty when none was tried
 * @param why it cannot be read
 */
public record UnreadableRow(
        String id,
        int vni,
        boolean stopping,
        String netns,
        String netnsIdentity,
        Optional<String> launchLog,
        String why) {

    /** Without the launch log. */
    @Override
    public String toString() {
        return id + " (" + why + ")";
    }
}
