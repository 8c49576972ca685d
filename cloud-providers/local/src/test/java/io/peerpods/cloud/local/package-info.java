/** Tests of the local provider. */
@NullMarked
package io.peerpods.cloud.local;

import org.jspecify.annotations.NullMarked;
