/** The frames of ttRPC and the messages in them: bytes to values and back. No sockets, no threads. */
@NullMarked
package io.peerpods.ttrpc.frame;

import org.jspecify.annotations.NullMarked;
