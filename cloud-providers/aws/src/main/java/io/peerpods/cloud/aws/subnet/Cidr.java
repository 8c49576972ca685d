package io.peerpods.cloud.aws.subnet;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;

/** An address range, IPv4 or IPv6, as security group rules and subnets write it. */
public record Cidr(InetAddress address, int length) {

    /** Reads {@code 10.0.0.0/16} or a bare address; empty when the text is neither. */
    public static Optional<Cidr> of(String text) {
        int slash = text.indexOf('/');
        String host = slash < 0 ? text : text.substring(0, slash);
        if (!host.matches("[0-9a-fA-F:.]+")) {
            return Optional.empty();
        }
        try {
            InetAddress address = InetAddress.getByName(host);
            int bits = address.getAddress().length * 8;
            int length = slash < 0 ? bits : Integer.parseInt(text.substring(slash + 1));
            return length >= 0 && length <= bits ? Optional.of(new Cidr(address, length)) : Optional.empty();
        } catch (UnknownHostException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** Whether every address of the other range is in this one. */
    public boolean contains(Cidr other) {
        byte[] mine = address.getAddress();
        byte[] theirs = other.address.getAddress();
        if (mine.length != theirs.length || other.length < length) {
            return false;
        }
        for (int bit = 0; bit < length; bit++) {
            int mask = 0x80 >> (bit % 8);
            if ((mine[bit / 8] & mask) != (theirs[bit / 8] & mask)) {
                return false;
            }
        }
        return true;
    }
}
