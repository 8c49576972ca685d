package io.peerpods.adaptor;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads where a service listens: {@code unix:<path>}, {@code <address>:<port>}, {@code [<IPv6 address>]:<port>}, {@code :<port>}, or off. */
final class ListenAddress {

    private static final Pattern TCP = Pattern.compile("(?:\\[([0-9a-fA-F:.%]+)]|([^:\\[\\]]*)):([0-9]{1,5})");

    private ListenAddress() {}

    /**
     * Reads it; empty for {@code off} and for nothing.
     *
     * @throws IllegalArgumentException with a text that completes "the value .."
     */
    static Optional<SocketAddress> of(String text) {
        if (text.isEmpty() || text.equals("off")) {
            return Optional.empty();
        }
        if (text.startsWith("unix:")) {
            String path = text.substring("unix:".length());
            path = path.startsWith("//") ? path.substring(2) : path;
            if (!path.startsWith("/") || path.length() > 107) {
                throw new IllegalArgumentException("is not unix: and an absolute path of at most 107 characters");
            }
            return Optional.of(UnixDomainSocketAddress.of(path));
        }
        return Optional.of(tcp(text));
    }

    /** As {@link #of}, without unix sockets and off. */
    static InetSocketAddress tcp(String text) {
        Matcher matcher = TCP.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("is not <address>:<port>, unix:<path> or off");
        }
        int port = port(matcher.group(3));
        String host = matcher.group(1) != null ? matcher.group(1) : matcher.group(2);
        try {
            return host.isEmpty()
                    ? new InetSocketAddress(port)
                    : new InetSocketAddress(InetAddress.getByName(host), port);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("names a host that is not known here", e);
        }
    }

    /** A port, 0 for any free one. */
    static int port(String text) {
        int port;
        try {
            port = Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("is not a port from 0 to 65535, or off", e);
        }
        if (port < 0 || port > 65535) {
            throw new IllegalArgumentException("is not a port from 0 to 65535, or off");
        }
        return port;
    }
}
