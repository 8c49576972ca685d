/** Pod VMs made of namespaces: their image, their first process, their mounts and cgroups, and their end. */
@NullMarked
package io.peerpods.vpc.vm;

import org.jspecify.annotations.NullMarked;
