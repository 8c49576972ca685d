/** Instance types and the choice among them. */
@NullMarked
package io.peerpods.cloud.aws.instancetype;

import org.jspecify.annotations.NullMarked;
