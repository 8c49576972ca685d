/**
 * The closed set of network changes ({@link io.peerpods.linux.op.Op}) and what is done with them: a {@link io.peerpods.linux.op.Plan}
 * is applied, verified and undone by the {@link io.peerpods.linux.op.Executor}, which writes what undo needs to a
 * {@link io.peerpods.linux.op.Journal} before it acts.
 */
@NullMarked
package io.peerpods.linux.op;

import org.jspecify.annotations.NullMarked;
