package io.peerpods.vpc.net;

import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The names of a VPC's things in the kernel: all begin with its prefix, so that they are its own and are found again.
 *
 * @param prefix {@code pp} and six hex digits
 */
public record Names(String prefix) {

    static final String INTERNET_LINK = "rinet";

    public String vpc() {
        return prefix + "-vpc";
    }

    public String router() {
        return prefix + "-router";
    }

    public String internet() {
        return prefix + "-internet";
    }

    public String vm(String id) {
        return vms() + id;
    }

    /** What the names of all VMs' namespaces begin with. */
    public String vms() {
        return prefix + "-vm-";
    }

    public String node(String name) {
        return prefix + "-node-" + name;
    }

    public String pod(String name) {
        return prefix + "-pod-" + name;
    }

    /** The link that cables an attached namespace to the VPC. */
    public String attachedLink() {
        return prefix;
    }

    public static Path file(String name) {
        return Netns.NAMED.resolve(name);
    }

    static String bridge(int subnet) {
        return "vpcbr" + subnet;
    }

    static String routerLink(int subnet) {
        return "r" + subnet;
    }

    static String routerPort(int subnet) {
        return "p-r" + subnet;
    }

    /** A MAC that looks like one of EC2's (06:...), the same for the same thing of the same VPC. */
    public MacAddress mac(String thing) {
        long bits = new BigInteger(hash(prefix + " " + thing).substring(0, 10), 16).longValueExact();
        return new MacAddress(0x06L << 40 | bits);
    }

    /** Seventeen hex digits, as EC2's ids have. */
    public static String hash(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest).substring(0, 17);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
