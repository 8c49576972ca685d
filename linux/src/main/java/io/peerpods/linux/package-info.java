/**
 * Linux networking without forking {@code ip}: addresses as values, network namespaces ({@link io.peerpods.linux.Netns}), rtnetlink
 * ({@code netlink}), nftables ({@code nft}) and, on top, the closed set of network changes that can be verified and undone ({@code op}).
 *
 * <p>Everything public may be called from virtual threads: native calls that can block run on a few platform threads of this module.
 */
@NullMarked
package io.peerpods.linux;

import org.jspecify.annotations.NullMarked;
