/** What a local VPC is made of, as values: its subnets and rules, VMs and their NICs, workers and pods. Written to files as they are. */
@NullMarked
package io.peerpods.vpc.model;

import org.jspecify.annotations.NullMarked;
