/** The lab, the whole way from Kata's call to a packet, interop and benchmarks. */
@NullMarked
package io.peerpods.tests;

import org.jspecify.annotations.NullMarked;
