/** The secondary interface that is attached while the VM boots, for the one case where it cannot be part of the launch. */
@NullMarked
package io.peerpods.cloud.aws.nic;

import org.jspecify.annotations.NullMarked;
