/** What can be judged before the first pod. */
@NullMarked
package io.peerpods.cloud.aws.preflight;

import org.jspecify.annotations.NullMarked;
