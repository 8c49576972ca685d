/** Elastic IPs of pod VMs. */
@NullMarked
package io.peerpods.cloud.aws.address;

import org.jspecify.annotations.NullMarked;
