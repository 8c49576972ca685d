@NullMarked
package io.peerpods.agent.volumes;

import org.jspecify.annotations.NullMarked;
