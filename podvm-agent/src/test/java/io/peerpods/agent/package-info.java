@NullMarked
package io.peerpods.agent;

import org.jspecify.annotations.NullMarked;
