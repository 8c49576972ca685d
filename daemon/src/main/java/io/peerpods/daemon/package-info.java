/**
 * What both daemons are made with: {@link io.peerpods.daemon.Setting} and its Go-style {@link io.peerpods.daemon.CommandLine},
 * {@link io.peerpods.daemon.Logs logging}, {@link io.peerpods.daemon.SdNotify readiness}, {@link io.peerpods.daemon.CrashPoint crash points}.
 */
@NullMarked
package io.peerpods.daemon;

import org.jspecify.annotations.NullMarked;
