/** Pod VMs as sets of Linux namespaces, and the simulated VPC they live in: {@link io.peerpods.room.Room} first. */
@NullMarked
package io.peerpods.room;

import org.jspecify.annotations.NullMarked;
