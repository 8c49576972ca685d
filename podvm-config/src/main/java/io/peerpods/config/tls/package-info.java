/** Mutual TLS between a worker and its pod VMs: authorities, certificates, keys and the engines made of them. */
@NullMarked
package io.peerpods.config.tls;

import org.jspecify.annotations.NullMarked;
