package io.peerpods.linux.netlink;

import io.peerpods.linux.MacAddress;
import org.jspecify.annotations.Nullable;

/**
 * What a link to be made shall be like.
 *
 * @param mac null for one that the kernel chooses
 * @param mtu 0 for what the kernel chooses
 */
public record NewLink(String name, @Nullable MacAddress mac, int mtu) {

    /** Everything but the name is the kernel's choice. */
    public static NewLink of(String name) {
        return new NewLink(name, null, 0);
    }
}
