@NullMarked
package io.peerpods.agent.userdata;

import org.jspecify.annotations.NullMarked;
