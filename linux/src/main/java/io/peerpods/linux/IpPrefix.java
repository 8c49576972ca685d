package io.peerpods.linux;

import static java.util.Objects.requireNonNull;

import java.net.InetAddress;

/**
 * An IP address with a prefix length, such as {@code 10.244.1.5/24}: an interface address, or a network when its host bits are zero.
 * IPv4-mapped IPv6 input becomes IPv4.
 *
 * @param length 0 to 32 for IPv4, 0 to 128 for IPv6
 */
public record IpPrefix(InetAddress address, int length) {

    /** Every IPv4 address. */
    public static final IpPrefix IPV4_DEFAULT = of("0.0.0.0/0");

    /** Every IPv6 address. */
    public static final IpPrefix IPV6_DEFAULT = of("::/0");

    public IpPrefix {
        byte[] bytes = requireNonNull(address, "address").getAddress();
        address = IpAddresses.of(bytes); // drops host name, scope and an IPv4-mapped wrapping
        int bits = address.getAddress().length * 8;
        if (length < 0 || length > bits) {
            throw new IllegalArgumentException(
                    "prefix length of " + IpAddresses.text(address) + " must be 0 to " + bits + ", not " + length);
        }
    }

    /**
     * Parses {@code 10.0.0.1/24} or {@code fd00::1/64}; without a length it is one address. Of an IPv4-mapped address
     * ({@code ::ffff:10.0.0.0/16}) a length up to 32 counts IPv4 bits, as Go programs write it, and one of 96 and more IPv6 bits.
     *
     * @throws IllegalArgumentException when the text is no prefix
     */
    public static IpPrefix of(String text) {
        int slash = text.indexOf('/');
        String literal = slash < 0 ? text : text.substring(0, slash);
        InetAddress address;
        try {
            address = IpAddresses.parse(literal);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("not an IP prefix: '" + text + "'", e);
        }
        if (slash < 0) {
            return of(address);
        }
        int length = length(text, text.substring(slash + 1));
        boolean mapped = literal.contains(":") && IpAddresses.isIpv4(address);
        return new IpPrefix(address, mapped && length >= 96 ? length - 96 : length);
    }

    /** One address: length 32 or 128. */
    public static IpPrefix of(InetAddress address) {
        byte[] normalised = IpAddresses.of(address.getAddress()).getAddress();
        return new IpPrefix(address, normalised.length * 8);
    }

    private static int length(String whole, String digits) {
        if (digits.isEmpty() || digits.length() > 3 || !digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw new IllegalArgumentException("not an IP prefix: '" + whole + "'");
        }
        return Integer.parseInt(digits);
    }

    public boolean isIpv4() {
        return IpAddresses.isIpv4(address);
    }

    /** Length 0: a default route's destination. */
    public boolean isDefault() {
        return length == 0;
    }

    /** Exactly one address. */
    public boolean isHost() {
        return length == address.getAddress().length * 8;
    }

    /** The same with the host bits zero. */
    public IpPrefix network() {
        byte[] bytes = address.getAddress();
        for (int i = 0; i < bytes.length; i++) {
            int kept = Math.clamp(length - i * 8L, 0, 8);
            bytes[i] &= (byte) (0xff00 >> kept);
        }
        return new IpPrefix(IpAddresses.of(bytes), length);
    }

    /** Whether the address is inside; never across families. */
    public boolean contains(InetAddress other) {
        InetAddress normalised = IpAddresses.of(other.getAddress());
        return IpAddresses.isIpv4(normalised) == isIpv4()
                && new IpPrefix(normalised, length).network().equals(network());
    }

    /** Whether every address of {@code other} is inside. */
    public boolean contains(IpPrefix other) {
        return other.length >= length && contains(other.address);
    }

    @Override
    public String toString() {
        return IpAddresses.text(address) + "/" + length;
    }
}
