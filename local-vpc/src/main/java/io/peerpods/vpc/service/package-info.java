/** What a VPC offers to its VMs: the metadata service, name resolution, and a host on the internet. */
@NullMarked
package io.peerpods.vpc.service;

import org.jspecify.annotations.NullMarked;
