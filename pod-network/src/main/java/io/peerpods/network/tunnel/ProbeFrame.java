package io.peerpods.network.tunnel;

import io.peerpods.linux.MacAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * What {@code TunnelProbe} and {@code ProbeResponder} send each other through a tunnel: an Ethernet frame of 60 bytes with ethertype
 * 0x88B5 (IEEE 802, local experimental), then {@code peerpods}, version, kind and nonce. Immutable.
 *
 * @param answer whether the VM sends it
 * @param nonce {@value #NONCE} bytes in hexadecimal
 */
public record ProbeFrame(MacAddress destination, MacAddress source, boolean answer, String nonce) {

    public static final int ETHERTYPE = 0x88b5;
    public static final int NONCE = 16;

    private static final int LENGTH = 60;
    private static final int HEADER = 14;
    private static final byte[] MARK = "peerpods".getBytes(StandardCharsets.US_ASCII);
    private static final byte VERSION = 1;
    private static final byte PROBE = 1;
    private static final byte ANSWER = 2;

    /** The answer to this probe, on the way back. */
    public ProbeFrame answered() {
        return new ProbeFrame(/* destination= */ source, /* source= */ destination, true, nonce);
    }

    public byte[] bytes() {
        return ByteBuffer.allocate(LENGTH)
                .put(destination.bytes())
                .put(source.bytes())
                .putShort((short) ETHERTYPE)
                .put(MARK)
                .put(VERSION)
                .put(answer ? ANSWER : PROBE)
                .put(HexFormat.of().parseHex(nonce))
                .array();
    }

    /** Empty when the frame is none of ours. */
    public static Optional<ProbeFrame> parse(byte[] frame) {
        int kindAt = HEADER + MARK.length + 1;
        if (frame.length != LENGTH
                || !Arrays.equals(frame, HEADER, HEADER + MARK.length, MARK, 0, MARK.length)
                || frame[kindAt - 1] != VERSION
                || (frame[kindAt] != PROBE && frame[kindAt] != ANSWER)) {
            return Optional.empty();
        }
        return Optional.of(new ProbeFrame(
                MacAddress.of(Arrays.copyOfRange(frame, 0, 6)),
                MacAddress.of(Arrays.copyOfRange(frame, 6, 12)),
                frame[kindAt] == ANSWER,
                HexFormat.of().formatHex(frame, kindAt + 1, kindAt + 1 + NONCE)));
    }
}
