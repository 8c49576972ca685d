package io.peerpods.agent.userdata;

import io.peerpods.config.userdata.UserData;
import io.peerpods.daemon.OutsideText;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The metadata service of EC2, version 2: a session token by PUT, then GETs with it. Version 1, which anything that can make the
 * VM send a plain GET can read, is used only when told so. Thread-safe.
 */
public final class MetadataService implements UserDataSource {

    /** Where EC2 has it. */
    public static final String URL = "http://169.254.169.254";

    private static final Logger log = LoggerFactory.getLogger(MetadataService.class);

    private static final Duration CONNECT = Duration.ofSeconds(2);
    private static final Duration READ = Duration.ofSeconds(5);
    private static final String TOKEN_SECONDS = "300";
    private static final Duration TOKEN_LIFE = Duration.ofMinutes(4);
    private static final int MAX_TOKEN = 1024;
    private static final int MAX_VALUE = 16 * 1024;
    private static final int MAX_NICS = 64;
    private static final Pattern MAC = Pattern.compile("([0-9a-f]{2}:){5}[0-9a-f]{2}");

    private final URI base;
    private final boolean version1;
    private final Duration patience;
    private @Nullable String token;
    private long tokenTaken;

    /**
     * @param url scheme, host and port
     * @param version1 go without a token where none is to be had
     */
    public MetadataService(URI url, boolean version1) {
        this(url, version1, READ);
    }

    MetadataService(URI url, boolean version1, Duration patience) {
        this.base = url;
        this.version1 = version1;
        this.patience = patience;
    }

    @Override
    public String name() {
        return "the metadata service " + base;
    }

    @Override
    public byte[] read() throws IOException {
        return get("/latest/user-data", UserData.MAX_BYTES)
                .orElseThrow(() -> new MissingUserDataException(name() + " has no user-data for this instance"));
    }

    /** The NICs of this instance as the cloud sees them, by device number. */
    public List<MetadataNic> nics() throws IOException {
        String macs = "/latest/meta-data/network/interfaces/macs/";
        List<MetadataNic> nics = new ArrayList<>();
        for (String line : lines(macs)) {
            String mac = line.endsWith("/") ? line.substring(0, line.length() - 1) : line;
            if (!MAC.matcher(mac).matches() || nics.size() >= MAX_NICS) {
                throw new IOException(name() + " lists a NIC that cannot be: \"" + OutsideText.shown(mac) + "\"");
            }
            String nic = macs + mac + "/";
            nics.add(new MetadataNic(
                    mac,
                    number(value(nic + "device-number"), mac),
                    lines(nic + "local-ipv4s"),
                    value(nic + "subnet-ipv4-cidr-block")));
        }
        nics.sort((a, b) -> Integer.compare(a.deviceNumber(), b.deviceNumber()));
        return List.copyOf(nics);
    }

    private int number(String text, String mac) throws IOException {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IOException(
                    name() + ": the device number of " + mac + " is \"" + OutsideText.shown(text) + "\"", e);
        }
    }

    private List<String> lines(String path) throws IOException {
        return value(path)
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .toList();
    }

    private String value(String path) throws IOException {
        return get(path, MAX_VALUE)
                .map(bytes -> new String(bytes, StandardCharsets.UTF_8).strip())
                .orElse("");
    }

    /** Empty when there is no such thing (404). */
    private Optional<byte[]> get(String path, int limit) throws IOException {
        HttpURLConnection connection = open("GET", path);
        boolean kept = false;
        try {
            Optional<String> session = session();
            session.ifPresent(value -> connection.setRequestProperty("X-aws-ec2-metadata-token", value));
            int status = connection.getResponseCode();
            if (status == HttpURLConnection.HTTP_NOT_FOUND) {
                return Optional.empty();
            }
            if (status == HttpURLConnection.HTTP_UNAUTHORIZED) {
                forget();
            }
            if (status != HttpURLConnection.HTTP_OK) {
                throw new IOException(name() + " answers " + status + " for " + path);
            }
            try (InputStream in = connection.getInputStream()) {
                byte[] document = Documents.bounded(in, limit, path);
                kept = true; // read to its end, it serves the next request
                return Optional.of(document);
            }
        } finally {
            if (!kept) {
                connection.disconnect();
            }
        }
    }

    private synchronized void forget() {
        token = null;
    }

    private synchronized Optional<String> session() throws IOException {
        String known = token;
        if (known != null && System.nanoTime() - tokenTaken < TOKEN_LIFE.toNanos()) {
            return Optional.of(known);
        }
        try {
            String fresh = newToken();
            token = fresh;
            tokenTaken = System.nanoTime();
            return Optional.of(fresh);
        } catch (IOException e) {
            // Where the answer to the PUT is lost on a hop too many, the request times out instead of being refused.
            if (!version1) {
                throw e;
            }
            log.warn("no session token ({}); reading the metadata service by version 1, as told", e.getMessage());
            return Optional.empty();
        }
    }

    private String newToken() throws IOException {
        HttpURLConnection connection = open("PUT", "/latest/api/token");
        boolean kept = false;
        try {
            connection.setRequestProperty("X-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS);
            connection.setFixedLengthStreamingMode(0);
            connection.setDoOutput(true);
            connection.getOutputStream().close();
            int status = connection.getResponseCode();
            if (status != HttpURLConnection.HTTP_OK) {
                throw new IOException(name() + " answers " + status + " when asked for a session token");
            }
            try (InputStream in = connection.getInputStream()) {
                String fresh =
                        new String(Documents.bounded(in, MAX_TOKEN, "the session token"), StandardCharsets.US_ASCII);
                if (fresh.isBlank() || fresh.chars().anyMatch(c -> c <= ' ' || c > '~')) {
                    throw new IOException(name() + " gives a session token that cannot be one");
                }
                kept = true;
                return fresh;
            }
        } finally {
            if (!kept) {
                connection.disconnect();
            }
        }
    }

    private HttpURLConnection open(String method, String path) throws IOException {
        HttpURLConnection connection =
                (HttpURLConnection) base.resolve(path).toURL().openConnection(Proxy.NO_PROXY);
        connection.setRequestMethod(method);
        connection.setConnectTimeout((int) CONNECT.toMillis());
        connection.setReadTimeout((int) patience.toMillis());
        connection.setInstanceFollowRedirects(false);
        connection.setUseCaches(false);
        return connection;
    }
}
