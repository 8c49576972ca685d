/** What both daemons are made with: {@link io.peerpods.daemon.Setting} and its Go-style command line, logging, readiness. */
@NullMarked
package io.peerpods.daemon;

import org.jspecify.annotations.NullMarked;
