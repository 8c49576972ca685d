package io.peerpods.config;

import com.google.gson.FormattingStyle;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * {@code apf.json}: what podvm-agent is told about its pod, byte-compatible with the existing system's file of that name
 * (older: {@code daemon.json}, the same keys). A key that this class does not know survives reading and writing.
 *
 * <p>It holds the VM's private key: {@link #toString()} leaves secrets out, {@link #toJson()} does not.
 *
 * @param podNetwork the pod's network as the worker saw it; opaque here
 * @param tlsServerKey PEM, PKCS#8; empty when TLS is off or its files are in the VM's image
 * @param tlsServerCertificate PEM; empty as above
 * @param tlsClientCa PEM of the one client certificate (or CA) that may call the agent; empty for no client authentication
 * @param tlsMinVersion {@code VersionTLS12}, {@code VersionTLS13} or empty
 * @param tlsCipherSuites IANA names, empty for the defaults
 * @param other keys that belong to others, kept as they came
 */
public record AgentConfig(
        String podNamespace,
        String podName,
        JsonObject podNetwork,
        String tlsServerKey,
        String tlsServerCertificate,
        String tlsClientCa,
        String tlsMinVersion,
        List<String> tlsCipherSuites,
        JsonObject other) {

    /** For writers only: a Gson object is expensive to make, and the start of a reader should not wait for it. */
    private static final class Writing {
        static final Gson GSON = new GsonBuilder()
                .setFormattingStyle(FormattingStyle.PRETTY.withIndent("    "))
                .disableHtmlEscaping()
                .serializeNulls()
                .create();
    }

    private static final Set<String> KNOWN = Set.of(
            "pod-namespace",
            "pod-name",
            "pod-network",
            "tls-server-key",
            "tls-server-cert",
            "tls-client-ca",
            "tls-min-version",
            "tls-cipher-suites");

    public AgentConfig {
        tlsCipherSuites = List.copyOf(tlsCipherSuites);
        podNetwork = podNetwork.deepCopy();
        other = other.deepCopy();
    }

    /** A configuration without any TLS material. */
    public static AgentConfig of(String podNamespace, String podName, JsonObject podNetwork) {
        return new AgentConfig(podNamespace, podName, podNetwork, "", "", "", "", List.of(), new JsonObject());
    }

    /** The same with the server's key and certificate and whom it lets in; empty strings leave the keys out. */
    public AgentConfig withTls(String serverKey, String serverCertificate, String clientCa, TlsSettings settings) {
        return new AgentConfig(
                podNamespace,
                podName,
                podNetwork,
                serverKey,
                serverCertificate,
                clientCa,
                settings.minVersion(),
                settings.cipherSuites(),
                other);
    }

    @Override
    public JsonObject podNetwork() {
        return podNetwork.deepCopy();
    }

    @Override
    public JsonObject other() {
        return other.deepCopy();
    }

    /** The file's text: 4 spaces of indent, a final newline. It contains the private key. */
    public String toJson() {
        JsonObject json = new JsonObject();
        json.addProperty("pod-namespace", podNamespace);
        json.addProperty("pod-name", podName);
        json.add("pod-network", podNetwork);
        addUnlessEmpty(json, "tls-server-key", tlsServerKey);
        addUnlessEmpty(json, "tls-server-cert", tlsServerCertificate);
        addUnlessEmpty(json, "tls-client-ca", tlsClientCa);
        addUnlessEmpty(json, "tls-min-version", tlsMinVersion);
        if (!tlsCipherSuites.isEmpty()) {
            JsonArray suites = new JsonArray();
            tlsCipherSuites.forEach(suites::add);
            json.add("tls-cipher-suites", suites);
        }
        other.entrySet().forEach(entry -> json.add(entry.getKey(), entry.getValue()));
        return Writing.GSON.toJson(json) + "\n";
    }

    /** Reads what {@link #toJson()} or the existing system wrote. */
    public static AgentConfig parse(String text) throws ConfigException {
        JsonObject json = object(text);
        JsonObject other = new JsonObject();
        json.entrySet().stream()
                .filter(entry -> !KNOWN.contains(entry.getKey()))
                .forEach(entry -> other.add(entry.getKey(), entry.getValue()));
        JsonElement network = json.get("pod-network");
        if (network == null || !network.isJsonObject()) {
            throw new ConfigException("the agent's configuration has no object \"pod-network\"");
        }
        return new AgentConfig(
                string(json, "pod-namespace"),
                string(json, "pod-name"),
                network.getAsJsonObject(),
                string(json, "tls-server-key"),
                string(json, "tls-server-cert"),
                string(json, "tls-client-ca"),
                string(json, "tls-min-version"),
                strings(json, "tls-cipher-suites"),
                other);
    }

    private static JsonObject object(String text) throws ConfigException {
        try {
            if (JsonParser.parseString(text) instanceof JsonObject object) {
                return object;
            }
        } catch (JsonParseException e) {
            throw new ConfigException("the agent's configuration is not JSON: " + withoutContent(e), e);
        }
        throw new ConfigException("the agent's configuration is not a JSON object");
    }

    // The parser's message may end with the text that it met, which may be the key.
    private static String withoutContent(JsonParseException e) {
        String message = String.valueOf(e.getMessage());
        int place = message.indexOf(" at line ");
        return place < 0
                ? e.getClass().getSimpleName()
                : message.substring(place + 1).lines().findFirst().orElse("");
    }

    private static String string(JsonObject json, String key) throws ConfigException {
        JsonElement value = json.get(key);
        if (value == null || value.isJsonNull()) {
            return "";
        }
        if (value instanceof JsonPrimitive primitive && primitive.isString()) {
            return primitive.getAsString();
        }
        throw new ConfigException("the agent's configuration: \"" + key + "\" is not a string");
    }

    private static List<String> strings(JsonObject json, String key) throws ConfigException {
        JsonElement value = json.get(key);
        if (value == null || value.isJsonNull()) {
            return List.of();
        }
        if (!(value instanceof JsonArray array)) {
            throw new ConfigException("the agent's configuration: \"" + key + "\" is not a list");
        }
        List<String> strings = new ArrayList<>();
        for (JsonElement element : array) {
            if (!(element instanceof JsonPrimitive primitive) || !primitive.isString()) {
                throw new ConfigException(
                        "the agent's configuration: \"" + key + "\" holds something that is no string");
            }
            strings.add(primitive.getAsString());
        }
        return strings;
    }

    private static void addUnlessEmpty(JsonObject json, String key, String value) {
        if (!value.isEmpty()) {
            json.addProperty(key, value);
        }
    }

    @Override
    public String toString() {
        return "AgentConfig[" + podNamespace + "/" + podName + ", network " + podNetwork + ", "
                + (tlsServerKey.isEmpty() ? "no TLS key" : "with a TLS key") + "]";
    }
}
