/** The VM's changes to calls on their way to kata-agent: {@link io.peerpods.agent.edits.PodVmEdits} first. */
@NullMarked
package io.peerpods.agent.edits;

import org.jspecify.annotations.NullMarked;
