package io.peerpods.ttrpc.frame;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.InternalMetadata;
import io.grpc.Metadata;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;

/**
 * A request's metadata: repeated {@code KeyValue{key=1 value=2}}, both UTF-8. Values go through unchanged, those that
 * gRPC's own text headers could not hold included, so that a relay is exact. A binary header ({@code -bin}) goes as it
 * is when it is UTF-8, else in Base64.
 */
final class MetadataEntries {
    /** Metadata is for a few words; this many pairs of a 4 MiB frame cost more memory than the frame. */
    private static final int MAX_PAIRS = 4096;

    private static final int KEY = 1 << 3 | 2;
    private static final int VALUE = 2 << 3 | 2;

    private final List<byte[]> pairs = new ArrayList<>(4);

    /** Reads one length-delimited KeyValue. */
    void read(CodedInputStream in) throws IOException {
        if (pairs.size() == 2 * MAX_PAIRS) {
            throw new InvalidProtocolBufferException("more than " + MAX_PAIRS + " pairs of metadata");
        }
        String key = "";
        String value = "";
        int outer = in.pushLimit(in.readRawVarint32());
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (tag) {
                case KEY -> key = in.readStringRequireUtf8();
                case VALUE -> value = in.readStringRequireUtf8();
                default -> RequestMessage.skip(in, tag);
            }
        }
        in.popLimit(outer);
        pairs.add(key.toLowerCase(Locale.ROOT).getBytes(UTF_8));
        pairs.add(value.getBytes(UTF_8));
    }

    Metadata toMetadata() {
        return InternalMetadata.newMetadata(pairs.toArray(byte[][]::new));
    }

    /** Keys and values alternating, as they go on the wire. */
    static byte[][] pairs(Metadata metadata) {
        byte[][] pairs = InternalMetadata.serialize(metadata);
        for (int i = 1; i < pairs.length; i += 2) {
            if (!isUtf8(pairs[i])) {
                pairs[i] = Base64.getEncoder().encode(pairs[i]);
            }
        }
        return pairs;
    }

    static int pairSize(byte[][] pairs, int i) {
        return (pairs[i].length == 0 ? 0 : ProtoWriter.fieldSize(pairs[i].length))
                + (pairs[i + 1].length == 0 ? 0 : ProtoWriter.fieldSize(pairs[i + 1].length));
    }

    static void writePair(ProtoWriter out, byte[][] pairs, int i) {
        if (pairs[i].length > 0) {
            out.field(1, pairs[i]);
        }
        if (pairs[i + 1].length > 0) {
            out.field(2, pairs[i + 1]);
        }
    }

    private static boolean isUtf8(byte[] bytes) {
        for (byte b : bytes) {
            if (b < 0) {
                return decodes(bytes);
            }
        }
        return true;
    }

    private static boolean decodes(byte[] bytes) {
        try {
            UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }
}
