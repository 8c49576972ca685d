/** Calls on a connection, as grpc-java sees them: a client's, a server's, and what a server serves. */
@NullMarked
package io.peerpods.ttrpc.call;

import org.jspecify.annotations.NullMarked;
