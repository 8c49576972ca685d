package io.peerpods.adaptor.service;

import io.grpc.ServerCredentials;
import io.grpc.TlsServerCredentials;
import io.peerpods.config.ConfigException;
import io.peerpods.config.tls.Credentials;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;

/** Mutual TLS of gRPC over TCP: the server's own key and certificate, and whose clients may call. */
public record GrpcTls(Credentials own, List<X509Certificate> clients) {

    public GrpcTls {
        clients = List.copyOf(clients);
    }

    /** Reads PEM files; what cannot be used is an error now, not at the first call. */
    public static GrpcTls read(Path certificate, Path key, Path ca) throws ConfigException {
        return new GrpcTls(Credentials.read(key, certificate), Credentials.readCertificates(ca));
    }

    ServerCredentials credentials() {
        try {
            return TlsServerCredentials.newBuilder()
                    .keyManager(stream(own.certificatePem()), stream(own.keyPem()))
                    .trustManager(stream(Credentials.pem(clients)))
                    .clientAuth(TlsServerCredentials.ClientAuth.REQUIRE)
                    .build();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static InputStream stream(String pem) {
        return new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII));
    }
}
