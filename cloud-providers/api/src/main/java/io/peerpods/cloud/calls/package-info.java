/** How calls to a cloud are paced and put together, for every provider. */
@NullMarked
package io.peerpods.cloud.calls;

import org.jspecify.annotations.NullMarked;
