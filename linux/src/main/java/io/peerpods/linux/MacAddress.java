package io.peerpods.linux;

import java.util.HexFormat;
import java.util.Locale;

/** A 48-bit hardware address. */
public record MacAddress(long value) {

    /** All zero: in an FDB entry, every destination without an entry of its own. */
    public static final MacAddress ZERO = new MacAddress(0);

    private static final HexFormat COLONS = HexFormat.ofDelimiter(":");

    public MacAddress {
        if (value >>> 48 != 0) {
            throw new IllegalArgumentException("a hardware address has 48 bits: " + Long.toHexString(value));
        }
    }

    /**
     * Parses {@code 02:ab:00:00:00:01}, in either case.
     *
     * @throws IllegalArgumentException when the text is none
     */
    public static MacAddress of(String text) {
        try {
            return of(COLONS.parseHex(text.toLowerCase(Locale.ROOT)));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("not a hardware address: '" + text + "'", e);
        }
    }

    /** From 6 bytes in wire order. */
    public static MacAddress of(byte[] bytes) {
        if (bytes.length != 6) {
            throw new IllegalArgumentException("a hardware address has 6 bytes, not " + bytes.length);
        }
        long value = 0;
        for (byte b : bytes) {
            value = value << 8 | (b & 0xff);
        }
        return new MacAddress(value);
    }

    /** 6 bytes in wire order. */
    public byte[] bytes() {
        byte[] bytes = new byte[6];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (value >>> (40 - 8 * i));
        }
        return bytes;
    }

    @Override
    public String toString() {
        return COLONS.formatHex(bytes());
    }
}
