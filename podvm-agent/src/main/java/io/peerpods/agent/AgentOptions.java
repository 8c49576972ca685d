package io.peerpods.agent;

import io.peerpods.config.tls.TlsFiles;
import io.peerpods.daemon.BadSettingException;
import io.peerpods.daemon.Settings;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The settings of one start, checked.
 *
 * @param config the agent's configuration
 * @param files the image's own TLS files, empty strings where there are none
 * @param vmNamespace path of the network namespace that is the VM's, empty for that of this process
 * @param root what the paths in user-data are below: {@code /}
 */
record AgentOptions(
        Path config,
        InetSocketAddress listen,
        Path kataAgentSocket,
        String podNamespace,
        String hostInterface,
        TlsFiles files,
        boolean skipVerify,
        boolean disableTls,
        String userData,
        Duration userDataTimeout,
        Path noCloudDirectory,
        URI metadataUrl,
        boolean metadataVersion1,
        Duration networkTimeout,
        Duration kataAgentTimeout,
        Path stateDirectory,
        String vmNamespace,
        Path root) {

    static AgentOptions of(Settings settings) throws BadSettingException {
        String namespace = settings.text(AgentSettings.POD_NAMESPACE);
        if (!namespace.startsWith("/")) {
            throw BadSettingException.of(AgentSettings.POD_NAMESPACE, namespace, "is not an absolute path");
        }
        String certificate = settings.text(AgentSettings.CERT_FILE);
        String key = settings.text(AgentSettings.CERT_KEY);
        if (certificate.isEmpty() != key.isEmpty()) {
            throw BadSettingException.of(
                    AgentSettings.CERT_FILE, certificate, "and -cert-key are given both or not at all");
        }
        return new AgentOptions(
                Path.of(settings.text(AgentSettings.CONFIG)),
                AgentListenAddress.parse(AgentSettings.LISTEN, settings.text(AgentSettings.LISTEN)),
                Path.of(settings.text(AgentSettings.KATA_AGENT_SOCKET)),
                namespace,
                settings.text(AgentSettings.HOST_INTERFACE),
                new TlsFiles(settings.text(AgentSettings.CA_CERT_FILE), certificate, key),
                settings.on(AgentSettings.TLS_SKIP_VERIFY),
                settings.on(AgentSettings.DISABLE_TLS),
                userData(settings.text(AgentSettings.USER_DATA)),
                settings.duration(AgentSettings.USER_DATA_TIMEOUT),
                Path.of(settings.text(AgentSettings.NOCLOUD_DIR)),
                url(settings.text(AgentSettings.METADATA_URL)),
                settings.on(AgentSettings.METADATA_V1),
                settings.duration(AgentSettings.NETWORK_TIMEOUT),
                settings.duration(AgentSettings.KATA_AGENT_TIMEOUT),
                Path.of(settings.text(AgentSettings.STATE_DIR)),
                "",
                Path.of("/"));
    }

    private static String userData(String text) throws BadSettingException {
        if (!text.startsWith("/") && !text.equals("auto") && !text.equals("aws") && !text.equals("none")) {
            throw BadSettingException.of(AgentSettings.USER_DATA, text, "is not auto, aws, none or an absolute path");
        }
        return text;
    }

    private static URI url(String text) throws BadSettingException {
        try {
            URI url = URI.create(text);
            if ("http".equals(url.getScheme()) && url.getHost() != null) {
                return url;
            }
        } catch (IllegalArgumentException e) {
            throw BadSettingException.of(AgentSettings.METADATA_URL, text, "is not a URL: " + e.getMessage());
        }
        throw BadSettingException.of(AgentSettings.METADATA_URL, text, "is not http://<host>[:<port>]");
    }
}
