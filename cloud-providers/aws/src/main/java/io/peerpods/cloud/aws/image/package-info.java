/** Images of pod VMs. */
@NullMarked
package io.peerpods.cloud.aws.image;

import org.jspecify.annotations.NullMarked;
