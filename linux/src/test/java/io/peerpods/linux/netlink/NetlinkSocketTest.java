package io.peerpods.linux.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.sys.Errno;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import org.junit.jupiter.api.Test;

/** The exchange with the kernel, played by a script. */
class NetlinkSocketTest {

    private static final int MULTI = 2;
    private static final int INTERRUPTED = 0x10;
    private static final int ACK_TLVS = 0x200;

    /** Makes the answers to a request of that sequence number. */
    private interface Line {
        List<ByteBuffer> answer(int sequence);
    }

    /** Answers each request by what the next line of the script makes of its sequence number. */
    private static final class Script implements NetlinkChannel {
        private final Queue<Line> script = new ArrayDeque<>();
        private final Queue<ByteBuffer> answers = new ArrayDeque<>();
        private int requests;

        private Script(Line... lines) {
            script.addAll(List.of(lines));
        }

        @Override
        public void send(ByteBuffer message) {
            requests++;
            int sequence = message.order(ByteOrder.nativeOrder()).getInt(8);
            answers.addAll(script.remove().answer(sequence));
        }

        @Override
        public ByteBuffer receive() {
            return answers.remove();
        }

        @Override
        public void close() {}
    }

    private static ByteBuffer message(int type, int flags, int sequence, byte[] payload) {
        ByteBuffer buffer = ByteBuffer.allocate(16 + (payload.length + 3 & ~3)).order(ByteOrder.nativeOrder());
        buffer.putInt(16 + payload.length)
                .putShort((short) type)
                .putShort((short) flags)
                .putInt(sequence)
                .putInt(0)
                .put(payload);
        return buffer.position(0);
    }

    private static byte[] number(int value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.nativeOrder())
                .putInt(value)
                .array();
    }

    private static ByteBuffer row(int sequence, int flags, int value) {
        return message(77, flags | MULTI, sequence, number(value));
    }

    private static ByteBuffer done(int sequence) {
        return message(3, MULTI, sequence, number(0));
    }

    private static ByteBuffer refusal(int sequence, int errno, String text) {
        byte[] words = text.getBytes(StandardCharsets.UTF_8);
        ByteBuffer payload = ByteBuffer.allocate(20 + 4 + words.length + 1).order(ByteOrder.nativeOrder());
        payload.putInt(-errno).position(20); // the request's header, as NETLINK_CAP_ACK has it
        payload.putShort((short) (5 + words.length)).putShort((short) 1).put(words);
        return message(2, ACK_TLVS, sequence, payload.array());
    }

    private static List<Integer> dump(NetlinkSocket socket) {
        return socket.dump(
                "list things", new Message(76, Message.DUMP), (_, payload) -> Optional.of(payload.getInt(0)));
    }

    @Test
    void anInterruptedDumpIsAskedForAgain() {
        Script script = new Script(
                sequence -> List.of(row(sequence, 0, 1), row(sequence, INTERRUPTED, 2), done(sequence)),
                sequence -> List.of(row(sequence, 0, 1), message(3, MULTI | INTERRUPTED, sequence, number(0))),
                sequence -> List.of(row(sequence, 0, 1), row(sequence, 0, 3), done(sequence)));
        try (NetlinkSocket socket = new NetlinkSocket(script)) {
            assertThat(dump(socket)).containsExactly(1, 3);
        }
        assertThat(script.requests).isEqualTo(3);
    }

    @Test
    void aTableThatNeverRestsIsAnError() {
        Line[] endless = new Line[100];
        Arrays.fill(endless, (Line) sequence -> List.of(row(sequence, INTERRUPTED, 1), done(sequence)));
        Script script = new Script(endless);
        try (NetlinkSocket socket = new NetlinkSocket(script)) {
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> dump(socket))
                    .withMessageContaining("list things")
                    .withMessageContaining("changed while it was listed");
        }
    }

    @Test
    void theKernelsWordsAreInTheError() {
        Script script = new Script(sequence -> List.of(refusal(sequence, Errno.EINVAL, "VXLAN ID must be lower")));
        try (NetlinkSocket socket = new NetlinkSocket(script)) {
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> socket.execute("add vxlan x", new Message(16, 0)))
                    .withMessage("add vxlan x: EINVAL (Invalid argument), kernel: VXLAN ID must be lower")
                    .satisfies(e -> assertThat(e.kernelText()).isEqualTo("VXLAN ID must be lower"));
        }
    }

    @Test
    void lateAnswersToAnEarlierRequestAreSkipped() {
        Script script = new Script(
                sequence -> List.of(row(sequence - 1, 0, 99), row(sequence, 0, 1), done(sequence - 1), done(sequence)));
        try (NetlinkSocket socket = new NetlinkSocket(script)) {
            assertThat(dump(socket)).containsExactly(1);
        }
    }

    @Test
    void severalMessagesOfOneDatagramAreAllRead() {
        Script script = new Script(sequence -> {
            ByteBuffer joined = ByteBuffer.allocate(200).order(ByteOrder.nativeOrder());
            joined.put(row(sequence, 0, 1))
                    .put(message(77, MULTI, sequence, new byte[] {2, 0, 0, 0, 9}))
                    .put(done(sequence));
            return List.of(joined.flip());
        });
        try (NetlinkSocket socket = new NetlinkSocket(script)) {
            assertThat(dump(socket)).containsExactly(1, 2);
        }
    }

    @Test
    void aDumpMayEndInAnError() {
        Script script = new Script(sequence -> List.of(row(sequence, 0, 1), message(3, MULTI, sequence, number(-19))));
        try (NetlinkSocket socket = new NetlinkSocket(script)) {
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> dump(socket))
                    .withMessageContaining("ENODEV");
        }
    }

    @Test
    void aMalformedAnswerIsAnError() {
        Script script = new Script(
                sequence -> List.of(message(77, MULTI, sequence, number(1)).putInt(0, 4000)));
        try (NetlinkSocket socket = new NetlinkSocket(script)) {
            assertThatExceptionOfType(IllegalStateException.class)
                    .isThrownBy(() -> dump(socket))
                    .withMessageContaining("malformed");
        }
    }

    @Test
    void attributesThatDoNotFitEndTheList() {
        ByteBuffer buffer = ByteBuffer.allocate(16).order(ByteOrder.nativeOrder());
        buffer.putShort((short) 8).putShort((short) 1).putInt(7);
        buffer.putShort((short) 400).putShort((short) 2).putInt(8);
        Attributes attributes = Attributes.read(buffer.flip());
        assertThat(attributes.u32(1)).isEqualTo(7);
        assertThat(attributes.has(2)).isFalse();
        assertThat(attributes.string(3)).isEmpty();
        assertThat(attributes.nested(4).has(1)).isFalse();
    }
}
