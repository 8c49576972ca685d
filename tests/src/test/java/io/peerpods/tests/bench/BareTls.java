package io.peerpods.tests.bench;

import io.peerpods.config.TlsSettings;
import io.peerpods.config.tls.CertificateAuthority;
import io.peerpods.config.tls.TlsEndpoint;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/** The reference of the relay's throughput: one Java process that writes to a TLS socket, another that reads. */
public final class BareTls {
    private BareTls() {}

    /** Writes to each client until it hangs up; the port is written to the file that is named. */
    public static void main(String[] arguments) throws Exception {
        var credentials = CertificateAuthority.create().issue("bench");
        TlsEndpoint endpoint = TlsEndpoint.server(credentials, List.of(), TlsSettings.DEFAULT);
        byte[] chunk = new byte[1 << 20];
        try (SSLServerSocket listener = (SSLServerSocket) endpoint.context()
                .getServerSocketFactory()
                .createServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            Path ready = Path.of(arguments[0]);
            Path written = ready.resolveSibling(ready.getFileName() + ".new");
            Files.writeString(written, Integer.toString(listener.getLocalPort()));
            Files.move(written, ready);
            while (true) {
                try (Socket caller = listener.accept();
                        OutputStream out = caller.getOutputStream()) {
                    while (true) {
                        out.write(chunk);
                    }
                } catch (IOException hungUp) {
                    // The next measurement is another connection.
                }
            }
        }
    }

    /** Mebibytes per second over that many mebibytes. */
    static double throughput(int port, int mebibytes) throws IOException {
        TlsEndpoint endpoint =
                TlsEndpoint.clientWithoutVerification(CertificateAuthority.client(), TlsSettings.DEFAULT);
        byte[] chunk = new byte[1 << 20];
        try (SSLSocket socket = (SSLSocket)
                        endpoint.context().getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), port);
                InputStream in = socket.getInputStream()) {
            in.readNBytes(chunk, 0, chunk.length);
            long begun = System.nanoTime();
            for (int i = 0; i < mebibytes; i++) {
                if (in.readNBytes(chunk, 0, chunk.length) < chunk.length) {
                    throw new IOException("the TLS source ended");
                }
            }
            return mebibytes / ((System.nanoTime() - begun) / 1e9);
        }
    }
}
