package io.peerpods.cloud.aws.metadata;

import java.io.IOException;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.NoRouteToHostException;
import java.net.Proxy;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The metadata service (version 2) of the instance that this worker is. Each question is on its own: one without an
 * answer does not keep the others from theirs. A worker that is no instance has no answers. Thread-safe.
 */
public final class WorkerMetadata {

    private static final Logger log = LoggerFactory.getLogger(WorkerMetadata.class);

    private static final Pattern ARN = Pattern.compile("arn:aws[a-z-]*:ec2:[a-z0-9-]+:[0-9]{12}:instance/i-[0-9a-f]+");

    private static final int CONNECT_MILLIS = 1000;
    private static final int READ_MILLIS = 3000;

    /** After a time-out the others of the same round are not asked; later ones are. */
    private static final Duration SILENCE = Duration.ofSeconds(10);

    private static final int LARGEST_ANSWER = 64 * 1024;

    private final URI endpoint;
    private final LongSupplier nanos;
    private Optional<Long> silentSince = Optional.empty();
    private String token = "";

    public WorkerMetadata(URI endpoint) {
        this(endpoint, System::nanoTime);
    }

    WorkerMetadata(URI endpoint, LongSupplier nanos) {
        this.endpoint = endpoint;
        this.nanos = nanos;
    }

    public Optional<String> region() {
        return get("placement/region");
    }

    /** The subnet of the worker's first interface. */
    public Optional<String> subnet() {
        return ofFirstInterface("subnet-id");
    }

    /** The security groups of the worker's first interface; empty when not known. */
    public List<String> groups() {
        return ofFirstInterface("security-group-ids")
                .map(text -> text.lines()
                        .map(String::strip)
                        .filter(line -> !line.isEmpty())
                        .toList())
                .orElse(List.of());
    }

    /** The worker's private IPv4 address. */
    public Optional<String> address() {
        return get("local-ipv4");
    }

    /**
     * The worker's name in IAM policies, as {@code ec2:SourceInstanceARN} has it: {@code arn:aws:ec2:REGION:ACCOUNT:instance/i-...}.
     * Empty for a worker that is no instance, and when an answer is none of that form.
     */
    public Optional<String> arn() {
        Optional<String> id = get("instance-id");
        if (id.isEmpty()) {
            return Optional.empty();
        }
        String arn = "arn:" + get("services/partition").orElse("") + ":ec2:" + region().orElse("") + ":"
                + ofFirstInterface("owner-id").orElse("") + ":instance/" + id.get();
        return Optional.of(arn).filter(text -> ARN.matcher(text).matches());
    }

    /** The name of the worker's key pair. */
    public Optional<String> keyName() {
        return get("public-keys")
                .flatMap(text -> text.lines().findFirst())
                .map(line -> line.substring(line.indexOf('=') + 1).strip())
                .filter(name -> !name.isEmpty());
    }

    private Optional<String> ofFirstInterface(String what) {
        return get("mac").flatMap(mac -> get("network/interfaces/macs/" + mac + "/" + what));
    }

    private synchronized Optional<String> get(String path) {
        if (silentSince
                .filter(since -> nanos.getAsLong() - since < SILENCE.toNanos())
                .isPresent()) {
            return Optional.empty();
        }
        try {
            Optional<String> answer = withToken(path);
            silentSince = Optional.empty();
            return answer.map(String::strip).filter(text -> !text.isEmpty());
        } catch (ConnectException | NoRouteToHostException | SocketTimeoutException e) {
            log.debug("no metadata service at {}: {}", endpoint, e.toString());
            silentSince = Optional.of(nanos.getAsLong());
            return Optional.empty();
        } catch (IOException e) {
            log.warn("metadata service at {}: {}: {}", endpoint, path, e.toString());
            return Optional.empty();
        }
    }

    /** A token that has expired is answered with 401: the question is asked again with a new one. */
    private Optional<String> withToken(String path) throws IOException {
        if (!token.isEmpty()) {
            try {
                return data(path);
            } catch (TokenExpiredException e) {
                log.debug("the token of the metadata service has expired");
            }
        }
        token = request("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "300")
                .orElse("");
        return data(path);
    }

    private Optional<String> data(String path) throws IOException {
        return request("GET", "/latest/meta-data/" + path, "X-aws-ec2-metadata-token", token);
    }

    private static final class TokenExpiredException extends IOException {
        private static final long serialVersionUID = 1L;

        TokenExpiredException() {
            super("HTTP 401: the token is not accepted");
        }
    }

    private Optional<String> request(String method, String path, String header, String value) throws IOException {
        HttpURLConnection connection =
                (HttpURLConnection) endpoint.resolve(path).toURL().openConnection(Proxy.NO_PROXY);
        try {
            connection.setConnectTimeout(CONNECT_MILLIS);
            connection.setReadTimeout(READ_MILLIS);
            connection.setRequestMethod(method);
            connection.setRequestProperty(header, value);
            int status = connection.getResponseCode();
            if (status == HttpURLConnection.HTTP_NOT_FOUND) {
                return Optional.empty();
            }
            if (status == HttpURLConnection.HTTP_UNAUTHORIZED) {
                throw new TokenExpiredException();
            }
            if (status != HttpURLConnection.HTTP_OK) {
                throw new IOException("HTTP " + status);
            }
            try (var body = connection.getInputStream()) {
                return Optional.of(new String(body.readNBytes(LARGEST_ANSWER), StandardCharsets.UTF_8));
            }
        } finally {
            connection.disconnect();
        }
    }
}
