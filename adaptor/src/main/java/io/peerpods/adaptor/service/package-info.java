/** What others call: the hypervisor's socket, gRPC, probes, metrics. */
@NullMarked
package io.peerpods.adaptor.service;

import org.jspecify.annotations.NullMarked;
