package io.peerpods.vpc.service;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.Netns;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells a client the address that it is seen from, by TCP and by UDP: one line with the address and a line feed, then whatever the
 * client sends comes back. What the simulated internet consists of.
 */
public final class EchoServer implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(EchoServer.class);
    private static final long PAUSE_NANOS = 100_000_000;

    private final ServerSocketChannel stream;
    private final DatagramChannel datagram;

    private EchoServer(ServerSocketChannel stream, DatagramChannel datagram) {
        this.stream = stream;
        this.datagram = datagram;
    }

    /** Serves TCP and UDP of that port in that namespace. */
    public static EchoServer start(Path namespace, InetAddress address, int port) {
        try (Netns netns = Netns.open(namespace)) {
            InetSocketAddress listen = new InetSocketAddress(address, port);
            EchoServer service = netns.<EchoServer, IOException>run(() -> open(listen));
            Thread.ofVirtual().name("echo-tcp").start(service::accept);
            Thread.ofVirtual().name("echo-udp").start(service::receive);
            return service;
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "echo at " + IpAddresses.text(address) + " port " + port + " in " + namespace, e);
        }
    }

    private static EchoServer open(InetSocketAddress listen) throws IOException {
        ServerSocketChannel stream = ServerSocketChannel.open();
        try {
            stream.bind(listen);
            DatagramChannel datagram = DatagramChannel.open();
            try {
                return new EchoServer(stream, datagram.bind(listen));
            } catch (IOException e) {
                datagram.close();
                throw e;
            }
        } catch (IOException e) {
            stream.close();
            throw e;
        }
    }

    private void accept() {
        while (true) {
            try {
                SocketChannel client = stream.accept();
                Thread.ofVirtual().name("echo-client").start(() -> echo(client));
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException | RuntimeException | Error e) {
                LOG.debug("echo: {}", e.toString());
                // No descriptor is free as a rule, and that lasts.
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }

    private static void echo(SocketChannel client) {
        try (client) {
            write(client, seenFrom(client.getRemoteAddress()));
            ByteBuffer buffer = ByteBuffer.allocate(8192);
            while (client.read(buffer) >= 0) {
                write(client, buffer.flip());
                buffer.clear();
            }
        } catch (IOException e) {
            LOG.debug("echo: {}", e.toString());
        }
    }

    private void receive() {
        ByteBuffer packet = ByteBuffer.allocate(65536);
        while (true) {
            try {
                packet.clear();
                SocketAddress client = datagram.receive(packet);
                ByteBuffer line = seenFrom(client);
                ByteBuffer answer =
                        ByteBuffer.allocate(line.remaining() + packet.flip().remaining());
                datagram.send(answer.put(line).put(packet).flip(), client);
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException | RuntimeException | Error e) {
                LOG.debug("echo: {}", e.toString());
            }
        }
    }

    private static ByteBuffer seenFrom(SocketAddress client) {
        String line = IpAddresses.text(((InetSocketAddress) client).getAddress()) + "\n";
        return ByteBuffer.wrap(line.getBytes(StandardCharsets.US_ASCII));
    }

    private static void write(SocketChannel client, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            client.write(bytes);
        }
    }

    @Override
    public void close() {
        try (stream;
                datagram) {
            LOG.trace("echo ends");
        } catch (IOException e) {
            LOG.debug("echo: {}", e.toString());
        }
    }
}
