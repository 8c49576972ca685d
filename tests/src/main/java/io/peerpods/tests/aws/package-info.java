/**
 * The provider {@code aws} without AWS: {@link io.peerpods.tests.aws.EmulatedEc2} is an EC2 API whose instances are VMs of the machine
 * VPC.
 */
@NullMarked
package io.peerpods.tests.aws;

import org.jspecify.annotations.NullMarked;
