/** Subnets, and where their packets go. */
@NullMarked
package io.peerpods.cloud.aws.subnet;

import org.jspecify.annotations.NullMarked;
