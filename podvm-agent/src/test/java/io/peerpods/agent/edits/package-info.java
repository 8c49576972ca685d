@NullMarked
package io.peerpods.agent.edits;

import org.jspecify.annotations.NullMarked;
