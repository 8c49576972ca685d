package io.peerpods.linux.netlink;

import java.nio.ByteBuffer;

/** Carries netlink datagrams to the kernel and back. */
interface NetlinkChannel extends AutoCloseable {

    /** Sends one datagram. */
    void send(ByteBuffer message);

    /** Waits for the next datagram; the buffer is in native order and good until the next call on the same thread. */
    ByteBuffer receive();

    @Override
    void close();
}
