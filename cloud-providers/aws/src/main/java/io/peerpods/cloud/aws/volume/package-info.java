/** EBS volumes that pods mount. */
@NullMarked
package io.peerpods.cloud.aws.volume;

import org.jspecify.annotations.NullMarked;
