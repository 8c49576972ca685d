/** Pod VMs as EC2 instances: {@link io.peerpods.cloud.aws.AwsType} is the entrance. */
@NullMarked
package io.peerpods.cloud.aws;

import org.jspecify.annotations.NullMarked;
