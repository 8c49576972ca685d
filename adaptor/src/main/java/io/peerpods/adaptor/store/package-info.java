/** The adaptor's durable memory: {@link io.peerpods.adaptor.store.Store} first. */
@NullMarked
package io.peerpods.adaptor.store;

import org.jspecify.annotations.NullMarked;
