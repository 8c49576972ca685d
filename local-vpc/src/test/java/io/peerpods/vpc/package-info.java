/** Tests of the local VPC: each VPC behaviour on and off, VMs, clean-up. */
@NullMarked
package io.peerpods.vpc;

import org.jspecify.annotations.NullMarked;
