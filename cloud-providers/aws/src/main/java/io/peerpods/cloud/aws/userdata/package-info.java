/** The form in which user-data fits into a launch request. */
@NullMarked
package io.peerpods.cloud.aws.userdata;

import org.jspecify.annotations.NullMarked;
