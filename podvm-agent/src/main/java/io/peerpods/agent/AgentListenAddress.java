package io.peerpods.agent;

import io.peerpods.daemon.BadSettingException;
import io.peerpods.daemon.Setting;
import java.net.InetSocketAddress;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An address to listen on as Go writes it: {@code 0.0.0.0:15150}, {@code [::1]:15150}, {@code :15150}. */
final class AgentListenAddress {

    private static final Pattern TEXT = Pattern.compile("(?:\\[([0-9A-Fa-f:.]+)]|([^\\[\\]:]*)):(\\d{1,5})");
    private static final int MAX_PORT = 65535;

    private AgentListenAddress() {}

    /** @param setting where the text comes from, for the message */
    static InetSocketAddress parse(Setting setting, String text) throws BadSettingException {
        Matcher matcher = TEXT.matcher(text);
        int port = matcher.matches() ? Integer.parseInt(matcher.group(3)) : MAX_PORT + 1;
        if (port > MAX_PORT) {
            throw BadSettingException.of(setting, text, "is not <address>:<port>, such as 0.0.0.0:15150");
        }
        String host = matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
        if (host.isEmpty()) {
            return new InetSocketAddress(port);
        }
        InetSocketAddress address = new InetSocketAddress(host, port);
        if (address.isUnresolved()) {
            throw BadSettingException.of(setting, text, "names a host that is not known here");
        }
        return address;
    }
}
