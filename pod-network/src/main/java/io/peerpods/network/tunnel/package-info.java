/** What both sides of a tunnel agree on: rules, MTU, ownership marks and the probe's frame. */
@NullMarked
package io.peerpods.network.tunnel;

import org.jspecify.annotations.NullMarked;
