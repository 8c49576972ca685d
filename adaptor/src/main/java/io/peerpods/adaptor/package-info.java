/**
 * The daemon on the worker: {@link io.peerpods.adaptor.AdaptorMain} wires it. Sandboxes live in {@link io.peerpods.adaptor.sandbox}, their
 * durable memory in {@link io.peerpods.adaptor.store}, what others call in {@link io.peerpods.adaptor.service}.
 */
@NullMarked
package io.peerpods.adaptor;

import org.jspecify.annotations.NullMarked;
