/** The EC2 that the tests run against. */
@NullMarked
package io.peerpods.cloud.aws.ec2world;

import org.jspecify.annotations.NullMarked;
