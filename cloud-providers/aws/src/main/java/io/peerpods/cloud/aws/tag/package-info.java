/** The tags by which everything that a launch makes is found again. */
@NullMarked
package io.peerpods.cloud.aws.tag;

import org.jspecify.annotations.NullMarked;
