@NullMarked
package io.peerpods.agent.net;

import org.jspecify.annotations.NullMarked;
