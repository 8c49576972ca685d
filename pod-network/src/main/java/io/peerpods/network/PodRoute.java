package io.peerpods.network;

import io.peerpods.linux.IpPrefix;
import java.net.InetAddress;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A route of the pod's main table.
 *
 * @param via gateway, or null for a destination on the link
 * @param dev the pod's name of the link
 * @param protocol {@code static}, {@code boot}, {@code dhcp}, {@code kernel}, or empty when unknown
 * @param scope {@code link}, {@code site}, {@code host}, {@code nowhere}, or empty for the universe
 * @param metric 0 for the kernel's default
 * @param onlink the gateway is on the link though no other route says so
 */
public record PodRoute(
        IpPrefix destination,
        @Nullable InetAddress via,
        String dev,
        String protocol,
        String scope,
        int metric,
        boolean onlink) {

    static final Set<String> PROTOCOLS = Set.of("", "static", "boot", "dhcp", "kernel");
    static final Set<String> SCOPES = Set.of("", "link", "site", "host", "nowhere");

    public PodRoute {
        destination = destination.network();
        if (!PROTOCOLS.contains(protocol)) {
            throw new IllegalArgumentException("route to " + destination + ": unknown protocol \"" + protocol + "\"");
        }
        if (!SCOPES.contains(scope)) {
            throw new IllegalArgumentException("route to " + destination + ": unknown scope \"" + scope + "\"");
        }
    }

    /** A static route by a gateway, or on the link when that is null. */
    public static PodRoute of(IpPrefix destination, @Nullable InetAddress via, String dev) {
        return new PodRoute(destination, via, dev, "static", via == null ? "link" : "", 0, false);
    }

    public boolean isDefault() {
        return destination.isDefault();
    }
}
