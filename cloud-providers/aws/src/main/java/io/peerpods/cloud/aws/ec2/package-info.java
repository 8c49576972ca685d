/** The door to EC2: every call passes {@link io.peerpods.cloud.aws.ec2.Ec2Api}, which paces, times, repeats and classifies it. */
@NullMarked
package io.peerpods.cloud.aws.ec2;

import org.jspecify.annotations.NullMarked;
