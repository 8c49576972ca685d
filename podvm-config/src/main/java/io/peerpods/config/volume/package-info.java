/** The cloud volumes of a container, in the annotation that the adaptor writes and podvm-agent reads. */
@NullMarked
package io.peerpods.config.volume;

import org.jspecify.annotations.NullMarked;
