/** What {@code make demo} runs: {@link io.peerpods.tests.demo.Demo}. */
@NullMarked
package io.peerpods.tests.demo;

import org.jspecify.annotations.NullMarked;
