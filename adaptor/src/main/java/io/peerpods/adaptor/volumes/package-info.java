/** The volumes of pods, as CSI drivers and Kata describe them on the worker. */
@NullMarked
package io.peerpods.adaptor.volumes;

import org.jspecify.annotations.NullMarked;
