/** rtnetlink: {@link io.peerpods.linux.netlink.Rtnl} first. Records mirror the kernel's objects (linux/rtnetlink.h, if_link.h, pkt_cls.h). */
@NullMarked
package io.peerpods.linux.netlink;

import org.jspecify.annotations.NullMarked;
