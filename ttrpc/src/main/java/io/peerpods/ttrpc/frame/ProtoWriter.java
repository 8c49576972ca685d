package io.peerpods.ttrpc.frame;

/** Writes protobuf fields into a frame whose size was computed before. */
final class ProtoWriter {
    private static final int LENGTH_DELIMITED = 2;

    private final byte[] target;
    private int at;

    ProtoWriter(byte[] target, int at) {
        this.target = target;
        this.at = at;
    }

    static int varintSize(long value) {
        return value == 0 ? 1 : (70 - Long.numberOfLeadingZeros(value)) / 7;
    }

    /** Size of a length-delimited field with a number below 16. */
    static int fieldSize(int length) {
        return 1 + varintSize(length) + length;
    }

    void varintField(int number, long value) {
        varint(number << 3);
        varint(value);
    }

    /** The head of a length-delimited field; its content must follow. */
    void head(int number, int length) {
        varint(number << 3 | LENGTH_DELIMITED);
        varint(length);
    }

    void field(int number, byte[] content) {
        head(number, content.length);
        System.arraycopy(content, 0, target, at, content.length);
        at += content.length;
    }

    void field(int number, Outgoing content) {
        head(number, content.length());
        content.copyTo(target, at);
        at += content.length();
    }

    private void varint(long value) {
        while ((value & ~0x7fL) != 0) {
            target[at++] = (byte) (value | 0x80);
            value >>>= 7;
        }
        target[at++] = (byte) value;
    }
}
