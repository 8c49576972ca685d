package io.peerpods.vpc.service;

import io.peerpods.linux.Netns;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A name server for a handful of names (RFC 1035): A questions are answered from a table, other types of a known name with nothing,
 * everything else with "no such name". It serves the VPC, and demos and tests wherever they need one.
 */
public final class DnsServer implements AutoCloseable {

    /** Where the VPC's own is, as in EC2. */
    private static final Logger LOG = LoggerFactory.getLogger(DnsServer.class);

    private static final int PORT = 53;
    private static final int TYPE_A = 1;
    private static final int ANSWER = 0x8180;
    private static final int NO_SUCH_NAME = 3;

    private final DatagramChannel channel;
    private final Map<String, InetAddress> names;

    private DnsServer(DatagramChannel channel, Map<String, InetAddress> names) {
        this.channel = channel;
        this.names = names;
    }

    /**
     * Serves in that namespace.
     *
     * @param names lower-case names without the last dot
     */
    public static DnsServer start(Path namespace, InetAddress address, Map<String, InetAddress> names) {
        try (Netns netns = Netns.open(namespace)) {
            DatagramChannel channel = netns.<DatagramChannel, IOException>run(
                    () -> DatagramChannel.open().bind(new InetSocketAddress(address, PORT)));
            DnsServer service = new DnsServer(channel, Map.copyOf(names));
            Thread.ofVirtual().name("dns").start(service::serve);
            return service;
        } catch (IOException e) {
            throw new UncheckedIOException("serve names at " + address + " in " + namespace, e);
        }
    }

    private void serve() {
        ByteBuffer packet = ByteBuffer.allocate(1500);
        while (true) {
            try {
                packet.clear();
                SocketAddress client = channel.receive(packet);
                packet.flip();
                Optional<ByteBuffer> answer = answer(packet, names);
                if (answer.isPresent()) {
                    channel.send(answer.get(), client);
                }
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException | RuntimeException | Error e) {
                // One bad packet ends the names of no VM.
                LOG.debug("dns: {}", e.toString());
            }
        }
    }

    /** The answer to a query, or empty for what is none. */
    public static Optional<ByteBuffer> answer(ByteBuffer query, Map<String, InetAddress> names) {
        if (query.remaining() < 17 || query.getShort(2) < 0 || query.getShort(4) != 1) {
            return Optional.empty();
        }
        int start = query.position() + 12;
        StringBuilder name = new StringBuilder();
        int at = start;
        while (at < query.limit() && query.get(at) != 0) {
            int length = query.get(at) & 0xff;
            if (length > 63 || at + 1 + length >= query.limit()) {
                return Optional.empty();
            }
            byte[] label = new byte[length];
            query.get(at + 1, label);
            name.append(name.isEmpty() ? "" : ".").append(new String(label, StandardCharsets.ISO_8859_1));
            at += 1 + length;
        }
        int end = at + 5;
        if (end > query.limit()) {
            return Optional.empty();
        }
        int type = query.getShort(at + 1);
        Optional<InetAddress> known =
                Optional.ofNullable(names.get(name.toString().toLowerCase(Locale.ROOT)));
        byte[] question = new byte[end - start];
        query.get(start, question);
        return Optional.of(reply(query.getShort(0), question, known, type == TYPE_A));
    }

    private static ByteBuffer reply(short id, byte[] question, Optional<InetAddress> known, boolean wantsAddress) {
        Optional<InetAddress> address = known.filter(any -> wantsAddress);
        ByteBuffer reply = ByteBuffer.allocate(12 + question.length + 16);
        reply.putShort(id)
                .putShort((short) (ANSWER | (known.isPresent() ? 0 : NO_SUCH_NAME)))
                .putShort((short) 1)
                .putShort((short) (address.isPresent() ? 1 : 0))
                .putInt(0)
                .put(question);
        if (address.isPresent()) {
            // The name is the one at offset 12; class IN, one minute to live, four bytes.
            reply.putShort((short) 0xc00c)
                    .putShort((short) TYPE_A)
                    .putShort((short) 1)
                    .putInt(60)
                    .putShort((short) 4)
                    .put(address.get().getAddress());
        }
        return reply.flip();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            LOG.debug("dns: {}", e.toString());
        }
    }
}
