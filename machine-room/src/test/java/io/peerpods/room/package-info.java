/** Tests of the machine room: each VPC behaviour on and off, VMs, clean-up. */
@NullMarked
package io.peerpods.room;

import org.jspecify.annotations.NullMarked;
