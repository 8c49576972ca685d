/** Pod VMs from the local VPC on this machine: {@link io.peerpods.cloud.local.LocalType} first. */
@NullMarked
package io.peerpods.cloud.local;

import org.jspecify.annotations.NullMarked;
