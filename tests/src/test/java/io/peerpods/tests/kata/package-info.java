/** Pods as containerd sees them, by the real Kata shim: {@link io.peerpods.tests.kata.KataPodsTest} first. */
@NullMarked
package io.peerpods.tests.kata;

import org.jspecify.annotations.NullMarked;
