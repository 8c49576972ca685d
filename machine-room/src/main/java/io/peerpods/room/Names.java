package io.peerpods.room;

import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import java.math.BigInteger;
import java.nio.file.Path;

/**
 * The names of a room's things in the kernel: all begin with its prefix, so that they are its own and are found again.
 *
 * @param prefix {@code pp} and six hex digits
 */
record Names(String prefix) {

    static final String INTERNET_LINK = "rinet";

    String vpc() {
        return prefix + "-vpc";
    }

    String router() {
        return prefix + "-router";
    }

    String internet() {
        return prefix + "-internet";
    }

    String vm(String id) {
        return vms() + id;
    }

    /** What the names of all VMs' namespaces begin with. */
    String vms() {
        return prefix + "-vm-";
    }

    String node(String name) {
        return prefix + "-node-" + name;
    }

    String pod(String name) {
        return prefix + "-pod-" + name;
    }

    /** The link that cables an attached namespace to the VPC. */
    String attachedLink() {
        return prefix;
    }

    static Path file(String name) {
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

    /** A MAC that looks like one of EC2's (06:...), the same for the same thing of the same room. */
    MacAddress mac(String thing) {
        long bits = new BigInteger(MetadataTree.hash(prefix + " " + thing).substring(0, 10), 16).longValueExact();
        return new MacAddress(0x06L << 40 | bits);
    }
}
