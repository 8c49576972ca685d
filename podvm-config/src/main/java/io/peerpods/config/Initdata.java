package io.peerpods.config;

import com.electronwill.nightconfig.core.UnmodifiableConfig;
import com.electronwill.nightconfig.core.io.ParsingException;
import com.electronwill.nightconfig.toml.TomlParser;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Initdata: a TOML document ({@code algorithm}, {@code version}, table {@code data} of file name to text) that is measured
 * as a whole and brings configuration for the guest's components. Between adaptor and VM it travels gzipped in base64; Kata
 * hands it to the adaptor as plain TOML.
 *
 * @param document the raw TOML, which is what the digest is taken of
 * @param algorithm {@code sha256}, {@code sha384} or {@code sha512}
 * @param data every entry of the table; see {@link #allowed()}
 */
public record Initdata(String document, String algorithm, String version, Map<String, String> data) {

    /** The entries that a VM writes below {@link PodVmPaths#DIRECTORY}. */
    public static final Set<String> ALLOWED_FILES = Set.of("aa.toml", "cdh.toml", "policy.rego");

    /** The longest document after decompression, in bytes. */
    public static final int MAX_BYTES = 1024 * 1024;

    private static final Map<String, String> ALGORITHMS =
            Map.of("sha256", "SHA-256", "sha384", "SHA-384", "sha512", "SHA-512");

    public Initdata {
        data = Map.copyOf(data);
    }

    /** What a VM without initdata measures, so that there is a digest always. */
    public static Initdata dummy() {
        String document = """
                algorithm = "sha256"
                version = "0.1.0"

                [data]
                "aa.toml" = ''
                """;
        return new Initdata(document, "sha256", "0.1.0", Map.of("aa.toml", ""));
    }

    /** Reads the form that travels: base64 of gzip of TOML; white space around and inside the base64 is ignored. */
    public static Initdata decode(String encoded) throws ConfigException {
        String text = encoded.replaceAll("\\s", "");
        if (text.length() > MAX_BYTES * 2) {
            throw new ConfigException("initdata is longer than " + MAX_BYTES * 2 + " characters of base64");
        }
        byte[] zipped;
        try {
            zipped = Base64.getDecoder().decode(text);
        } catch (IllegalArgumentException e) {
            throw new ConfigException("initdata is not base64: " + e.getMessage(), e);
        }
        byte[] raw;
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(zipped))) {
            raw = in.readNBytes(MAX_BYTES + 1);
        } catch (IOException e) {
            throw new ConfigException("initdata is not gzip inside its base64: " + e.getMessage(), e);
        }
        if (raw.length > MAX_BYTES) {
            throw new ConfigException("initdata is longer than " + MAX_BYTES + " bytes once decompressed");
        }
        return parse(utf8(raw));
    }

    /** Reads the plain TOML document. */
    public static Initdata parse(String document) throws ConfigException {
        if (document.length() > MAX_BYTES) {
            throw new ConfigException("initdata is longer than " + MAX_BYTES + " bytes");
        }
        UnmodifiableConfig top;
        try {
            top = new TomlParser().parse(document);
        } catch (ParsingException | IllegalArgumentException | IndexOutOfBoundsException | StackOverflowError e) {
            throw new ConfigException("initdata is not TOML: " + e.getMessage(), e);
        }
        String algorithm = string(top, "algorithm");
        if (!ALGORITHMS.containsKey(algorithm)) {
            throw new ConfigException(
                    "initdata: algorithm \"" + algorithm + "\" is not one of sha256, sha384 and sha512");
        }
        return new Initdata(document, algorithm, string(top, "version"), table(top.get(List.of("data"))));
    }

    private static Map<String, String> table(@Nullable Object value) throws ConfigException {
        if (!(value instanceof UnmodifiableConfig config)) {
            throw new ConfigException("initdata has no table \"data\"");
        }
        Map<String, String> data = new LinkedHashMap<>();
        for (UnmodifiableConfig.Entry entry : config.entrySet()) {
            if (!(entry.getValue() instanceof String text)) {
                throw new ConfigException("initdata: data entry \"" + entry.getKey() + "\" is not a string");
            }
            data.put(entry.getKey(), text);
        }
        return data;
    }

    private static String string(UnmodifiableConfig top, String key) throws ConfigException {
        if (top.get(List.of(key)) instanceof String text && !text.isEmpty()) {
            return text;
        }
        throw new ConfigException("initdata has no string \"" + key + "\"");
    }

    private static String utf8(byte[] raw) throws ConfigException {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(raw))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new ConfigException("initdata is not UTF-8", e);
        }
    }

    /** The form that travels. The same document gives the same text. */
    public String encode() {
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(zipped)) {
            out.write(document.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Base64.getEncoder().encodeToString(zipped.toByteArray());
    }

    /** Lower-case hex of the document's digest by its own algorithm: the content of {@link PodVmPaths#INITDATA_DIGEST}. */
    public String digest() {
        try {
            MessageDigest digest = MessageDigest.getInstance(String.valueOf(ALGORITHMS.get(algorithm)));
            return HexFormat.of().formatHex(digest.digest(document.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Only the entries that a VM writes. */
    public Map<String, String> allowed() {
        Map<String, String> allowed = new LinkedHashMap<>();
        data.forEach((name, text) -> {
            if (ALLOWED_FILES.contains(name)) {
                allowed.put(name, text);
            }
        });
        return allowed;
    }
}
