/** Pod VMs as instances: {@link io.peerpods.cloud.aws.instance.Launcher} first. */
@NullMarked
package io.peerpods.cloud.aws.instance;

import org.jspecify.annotations.NullMarked;
