/** Security groups, and the rules that a pod VM needs. */
@NullMarked
package io.peerpods.cloud.aws.securitygroup;

import org.jspecify.annotations.NullMarked;
