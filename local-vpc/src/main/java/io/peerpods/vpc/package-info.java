/** Pod VMs as sets of Linux namespaces, and the simulated VPC they live in: {@link io.peerpods.vpc.LocalVpc} first. */
@NullMarked
package io.peerpods.vpc;

import org.jspecify.annotations.NullMarked;
