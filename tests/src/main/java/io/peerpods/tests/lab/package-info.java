/**
 * A cluster in namespaces, with real daemons on it, and what is checked there: {@link io.peerpods.tests.lab.Cluster} first, then
 * {@link io.peerpods.tests.lab.CheckTable}.
 */
@NullMarked
package io.peerpods.tests.lab;

import org.jspecify.annotations.NullMarked;
