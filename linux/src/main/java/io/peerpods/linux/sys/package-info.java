/** The system calls of this module by {@code java.lang.foreign}, and the threads that make them. For the packages of this module only. */
@NullMarked
package io.peerpods.linux.sys;

import org.jspecify.annotations.NullMarked;
