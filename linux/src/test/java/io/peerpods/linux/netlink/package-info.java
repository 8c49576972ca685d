@NullMarked
package io.peerpods.linux.netlink;

import org.jspecify.annotations.NullMarked;
