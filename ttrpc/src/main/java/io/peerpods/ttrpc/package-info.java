/**
 * ttRPC (containerd's small RPC protocol) for ordinary grpc-java service definitions and stubs, over unix sockets, TCP
 * and TLS. Open {@link io.peerpods.ttrpc.TtrpcServer} and {@link io.peerpods.ttrpc.TtrpcChannel} first.
 *
 * <p>The wire format is containerd/ttrpc's PROTOCOL.md and request.proto. It has no handshake, no ping, no flow control
 * and no cancel frame: closing the connection is the only cancellation.
 */
@NullMarked
package io.peerpods.ttrpc;

import org.jspecify.annotations.NullMarked;
