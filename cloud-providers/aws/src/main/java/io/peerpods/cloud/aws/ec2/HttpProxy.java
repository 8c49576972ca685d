package io.peerpods.cloud.aws.ec2;

import java.io.IOException;
import java.net.Authenticator;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.Proxy;
import java.net.URI;
import org.jspecify.annotations.Nullable;

/**
 * A proxy, and the password that it may ask for. Each connection has an authenticator of its own: a header that the caller sets is not
 * sent with CONNECT. The name of the proxy is looked up for each connection. Thread-safe.
 *
 * @param user empty when there is none
 */
record HttpProxy(String host, int port, String user, String password) {

    HttpURLConnection open(URI target) throws IOException {
        var proxy = new Proxy(Proxy.Type.HTTP, new InetSocketAddress(host, port));
        HttpURLConnection connection = (HttpURLConnection) target.toURL().openConnection(proxy);
        connection.setAuthenticator(new Password());
        return connection;
    }

    @Override
    public String toString() {
        return "HttpProxy[" + host + ":" + port + "]";
    }

    private final class Password extends Authenticator {

        @Override
        protected @Nullable PasswordAuthentication getPasswordAuthentication() {
            boolean asksTheProxy = getRequestorType() == RequestorType.PROXY && !user.isEmpty();
            return asksTheProxy ? new PasswordAuthentication(user, password.toCharArray()) : null;
        }
    }
}
