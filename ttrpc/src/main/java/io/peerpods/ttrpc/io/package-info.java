/** Connections: the I/O threads, the bytes of a socket (plain or TLS), frames in and frames out, and the limits on both. */
@NullMarked
package io.peerpods.ttrpc.io;

import org.jspecify.annotations.NullMarked;
