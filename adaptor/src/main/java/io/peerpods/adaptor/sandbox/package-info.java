/** The life of sandboxes: {@link io.peerpods.adaptor.sandbox.Sandboxes} first. */
@NullMarked
package io.peerpods.adaptor.sandbox;

import org.jspecify.annotations.NullMarked;
