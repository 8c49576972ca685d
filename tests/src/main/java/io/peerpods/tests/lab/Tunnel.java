package io.peerpods.tests.lab;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The tunnel as iproute2 shows it. */
public final class Tunnel {

    private static final Pattern VNI = Pattern.compile("vxlan id (\\d+) ");
    private static final Pattern MTU = Pattern.compile(" mtu (\\d+) ");

    private Tunnel() {}

    /** The VNI of the vxlan in a namespace. */
    public static int vni(Place place) {
        return number(VNI, place.require("ip", "-d", "link", "show", "type", "vxlan"));
    }

    /** The MTU of a link. */
    public static int mtu(Place place, String link) {
        return number(MTU, place.require("ip", "link", "show", "dev", link));
    }

    private static int number(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        if (!matcher.find()) {
            throw new IllegalStateException("no " + pattern + " in: " + text);
        }
        return Integer.parseInt(matcher.group(1));
    }
}
