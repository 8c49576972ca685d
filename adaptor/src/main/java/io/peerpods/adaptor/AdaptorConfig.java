package io.peerpods.adaptor;

import io.peerpods.adaptor.sandbox.SandboxIds;
import io.peerpods.adaptor.sandbox.SandboxOptions;
import io.peerpods.adaptor.sandbox.WorkerTunnels;
import io.peerpods.adaptor.service.GrpcTls;
import io.peerpods.config.ConfigException;
import io.peerpods.config.Initdata;
import io.peerpods.config.TlsSettings;
import io.peerpods.config.tls.Credentials;
import io.peerpods.config.tls.TlsFiles;
import io.peerpods.daemon.BadSettingException;
import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Settings;
import io.peerpods.linux.IpAddresses;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.worker.PodSubnetCidrs;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The settings as typed values, each checked: what cannot work stops the start here, in one line.
 *
 * @param probes where /startup and /healthz are
 * @param warnings what an operator should know though it stops nothing, one line each
 */
record AdaptorConfig(
        Path socket,
        Path stateDirectory,
        SandboxOptions sandboxes,
        WorkerTunnels.Options tunnels,
        boolean removeForeignTunnels,
        boolean tlsDisabled,
        boolean tlsSkipVerify,
        TlsFiles tlsFiles,
        TlsSettings tls,
        Optional<SocketAddress> grpc,
        Optional<GrpcTls> grpcTls,
        Optional<InetSocketAddress> probes,
        Optional<InetSocketAddress> metrics,
        String clusterId,
        String node,
        Optional<KubernetesApi> api,
        boolean verify,
        List<String> warnings) {

    private static final int KUBERNETES_ID = 64;

    static AdaptorConfig of(Settings settings) throws BadSettingException {
        return new Reader(settings).read();
    }

    /** Reads and checks one after the other. */
    private record Reader(Settings settings, List<String> warnings) {

        Reader(Settings settings) {
            this(settings, new ArrayList<>());
        }

        AdaptorConfig read() throws BadSettingException {
            refusePlugins();
            Path socket = path(AdaptorSettings.SOCKET, SandboxIds.MAX_SOCKET_PATH);
            Path state = path(AdaptorSettings.STATE_DIR, 4000);
            TlsSettings tls = tls();
            TlsFiles files = tlsFiles();
            Optional<SocketAddress> grpc = read(AdaptorSettings.GRPC_LISTEN, ListenAddress::of);
            SandboxOptions sandboxes = sandboxes();
            WorkerTunnels.Options tunnels = tunnels();
            noteWhatHasNoEffect();
            return new AdaptorConfig(
                    socket,
                    state,
                    sandboxes,
                    tunnels,
                    settings.on(AdaptorSettings.REMOVE_FOREIGN_TUNNELS),
                    settings.on(AdaptorSettings.DISABLE_TLS),
                    settings.on(AdaptorSettings.TLS_SKIP_VERIFY),
                    files,
                    tls,
                    grpc,
                    grpcTls(grpc),
                    probes(),
                    metrics(),
                    name(AdaptorSettings.CLUSTER_ID),
                    node(),
                    api(),
                    settings.on(AdaptorSettings.CLOUD_CONFIG_VERIFY),
                    List.copyOf(warnings));
        }

        private interface Parse<T> {
            T parse(String text) throws ConfigException;
        }

        private <T> T read(Setting setting, Parse<T> parse) throws BadSettingException {
            String text = settings.text(setting);
            try {
                return parse.parse(text);
            } catch (ConfigException | IllegalArgumentException e) {
                throw BadSettingException.of(setting, text, String.valueOf(e.getMessage()));
            }
        }

        private void refusePlugins() throws BadSettingException {
            if (settings.on(AdaptorSettings.PLUGIN)) {
                throw BadSettingException.of(
                        AdaptorSettings.PLUGIN,
                        "true",
                        "is refused: a plugin is a Go shared object for the existing system's own process and cannot be loaded here;"
                                + " unset it and name a built-in provider");
            }
            for (Setting setting : List.of(AdaptorSettings.PLUGIN_PATH, AdaptorSettings.PLUGIN_HASH)) {
                if (!settings.text(setting).isEmpty()) {
                    throw BadSettingException.of(
                            setting, settings.text(setting), "is refused: Go plugins cannot be loaded here; unset it");
                }
            }
        }

        private void noteWhatHasNoEffect() throws BadSettingException {
            int limit = settings.number(AdaptorSettings.LIMIT_PER_NODE);
            if (limit > 100_000) {
                throw BadSettingException.of(
                        AdaptorSettings.LIMIT_PER_NODE, Integer.toString(limit), "is not at most 100000");
            }
            List<String> unused = Stream.of(
                            AdaptorSettings.LIMIT_PER_NODE, AdaptorSettings.POD_UID, AdaptorSettings.POD_NAMESPACE)
                    .filter(settings::isGiven)
                    .map(Setting::key)
                    .toList();
            if (!unused.isEmpty()) {
                warnings.add("no effect yet: " + String.join(", ", unused)
                        + " (the node's extended resource, image pull secrets and PeerPod objects are not served)");
            }
            if (settings.isGiven(AdaptorSettings.PAUSE_IMAGE)) {
                warnings.add("PAUSE_IMAGE has no effect");
            }
        }

        private Path path(Setting setting, int longest) throws BadSettingException {
            return read(setting, text -> path(text, longest));
        }

        private static Path path(String text, int longest) {
            if (!text.startsWith("/")) {
                throw new IllegalArgumentException("is not an absolute path");
            }
            if (text.getBytes(StandardCharsets.UTF_8).length > longest) {
                throw new IllegalArgumentException("is longer than " + longest + " bytes");
            }
            return Path.of(text).normalize();
        }

        private Path podsDirectory() throws BadSettingException {
            boolean old = !settings.isGiven(AdaptorSettings.PODS_DIR)
                    && !settings.text(AdaptorSettings.OLD_PODS_DIR).isEmpty();
            Setting setting = old ? AdaptorSettings.OLD_PODS_DIR : AdaptorSettings.PODS_DIR;
            int longest = SandboxIds.MAX_SOCKET_PATH - "//agent.ttrpc".length();
            Path directory = path(setting, longest - 1);
            if (directory.toString().length() > longest - KUBERNETES_ID) {
                warnings.add(setting.names() + ": \"" + directory + "\" is longer than " + (longest - KUBERNETES_ID)
                        + " bytes: the agent sockets of Kubernetes' sandboxes, whose ids have " + KUBERNETES_ID
                        + " characters, do not fit into a socket's path");
            }
            if (directory.toString().matches(".*[:%?#].*")) {
                throw BadSettingException.of(
                        setting,
                        directory.toString(),
                        "contains one of : % ? #, which Kata cannot have in a socket's path");
            }
            return directory;
        }

        private int number(Setting setting, int least, int most, String what) throws BadSettingException {
            int value = settings.number(setting);
            if (value < least || value > most) {
                throw BadSettingException.of(
                        setting, Integer.toString(value), "is not " + what + " from " + least + " to " + most);
            }
            return value;
        }

        private Duration positive(Setting setting) throws BadSettingException {
            Duration value = settings.duration(setting);
            if (!value.isPositive()) {
                throw BadSettingException.of(setting, value.toString(), "is not a duration above 0");
            }
            return value;
        }

        private SandboxOptions sandboxes() throws BadSettingException {
            String type = settings.text(AdaptorSettings.TUNNEL_TYPE);
            if (!type.equals(PodNetworkSpec.VXLAN)) {
                throw BadSettingException.of(
                        AdaptorSettings.TUNNEL_TYPE, type, "is not vxlan, the one tunnel type there is");
            }
            return new SandboxOptions(
                    podsDirectory(),
                    number(AdaptorSettings.FORWARDER_PORT, 1, 65535, "a port"),
                    positive(AdaptorSettings.PROXY_TIMEOUT),
                    positive(AdaptorSettings.UNSTARTED_TIMEOUT),
                    positive(AdaptorSettings.SWEEP_INTERVAL),
                    positive(AdaptorSettings.RECONCILE_INTERVAL),
                    number(AdaptorSettings.VXLAN_PORT, 1, 65535, "a port"),
                    number(AdaptorSettings.VXLAN_MIN_ID, 1, 0xffffff, "a VXLAN network identifier"),
                    settings.on(AdaptorSettings.EXTERNAL_NETWORK),
                    settings.on(AdaptorSettings.SCRATCH_SPACE),
                    read(
                            AdaptorSettings.INITDATA,
                            text -> text.isEmpty() ? Optional.empty() : Optional.of(Initdata.decode(text))));
        }

        private WorkerTunnels.Options tunnels() throws BadSettingException {
            List<String> given = settings.list(AdaptorSettings.POD_SUBNET_CIDRS);
            PodSubnetCidrs cidrs;
            try {
                cidrs = PodSubnetCidrs.parse(String.join(",", given));
            } catch (IllegalArgumentException e) {
                throw BadSettingException.of(
                        AdaptorSettings.POD_SUBNET_CIDRS,
                        String.join(",", given),
                        "is not a list of CIDRs such as 10.244.0.0/16,10.96.0.0/12: " + e.getMessage());
            }
            int mtu = settings.number(AdaptorSettings.TUNNEL_MTU);
            if (mtu != 0) {
                number(AdaptorSettings.TUNNEL_MTU, 576, 65535, "0 or a size");
            }
            boolean external = settings.on(AdaptorSettings.EXTERNAL_NETWORK);
            InetAddress api = apiService();
            if (api == null && !settings.text(AdaptorSettings.API_SERVICE).isEmpty()) {
                warnings.add(AdaptorSettings.API_SERVICE.names() + ": \"" + settings.text(AdaptorSettings.API_SERVICE)
                        + "\" is a name, not an address: pods get no route of their own to the API service");
            }
            cidrs.ipv6Warning().ifPresent(warnings::add);
            if (external) {
                cidrs.warning(api).ifPresent(warnings::add);
            }
            return new WorkerTunnels.Options(
                    settings.text(AdaptorSettings.HOST_INTERFACE).strip(),
                    cidrs,
                    external,
                    settings.number(AdaptorSettings.FORWARDER_PORT),
                    new PodNetworkSpec.Options(api, mtu, false, settings.on(AdaptorSettings.ALLOW_POD_METADATA)));
        }

        private @Nullable InetAddress apiService() throws BadSettingException {
            String text = settings.text(AdaptorSettings.API_SERVICE);
            if (text.isEmpty()) {
                return null;
            }
            if (text.matches("[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.?") && text.matches(".*[A-Za-z].*")) {
                // Some clusters set the variable to a name; it is not looked up, for its address may change.
                return null;
            }
            try {
                return IpAddresses.parse(text);
            } catch (IllegalArgumentException e) {
                throw BadSettingException.of(AdaptorSettings.API_SERVICE, text, "is not an IP address");
            }
        }

        private Optional<KubernetesApi> api() throws BadSettingException {
            InetAddress address = apiService();
            int port = number(AdaptorSettings.API_SERVICE_PORT, 1, 65535, "a port");
            return address == null ? Optional.empty() : Optional.of(new KubernetesApi(address, port));
        }

        private TlsSettings tls() throws BadSettingException {
            String version = settings.text(AdaptorSettings.TLS_MIN_VERSION);
            List<String> suites = settings.list(AdaptorSettings.TLS_CIPHER_SUITES);
            try {
                TlsSettings checked = new TlsSettings(version, List.of());
                return suites.isEmpty() ? checked : new TlsSettings(version, suites);
            } catch (IllegalArgumentException e) {
                boolean ofVersion = !version.isEmpty() && !version.startsWith("VersionTLS1");
                String why = "is refused: " + e.getMessage();
                throw ofVersion || suites.isEmpty()
                        ? BadSettingException.of(AdaptorSettings.TLS_MIN_VERSION, version, why)
                        : BadSettingException.of(AdaptorSettings.TLS_CIPHER_SUITES, String.join(",", suites), why);
            }
        }

        private TlsFiles tlsFiles() throws BadSettingException {
            TlsFiles files = new TlsFiles(
                    settings.text(AdaptorSettings.CA_CERT_FILE),
                    settings.text(AdaptorSettings.CERT_FILE),
                    settings.text(AdaptorSettings.CERT_KEY));
            together(AdaptorSettings.CERT_FILE, AdaptorSettings.CERT_KEY);
            if (settings.on(AdaptorSettings.TLS_SKIP_VERIFY) && !files.ca().isEmpty()) {
                throw BadSettingException.of(
                        AdaptorSettings.TLS_SKIP_VERIFY,
                        "true",
                        "contradicts " + AdaptorSettings.CA_CERT_FILE.names()
                                + ": what shall not be verified needs no CA");
            }
            if (settings.on(AdaptorSettings.DISABLE_TLS)) {
                for (Setting setting : List.of(
                        AdaptorSettings.CA_CERT_FILE, AdaptorSettings.CERT_FILE, AdaptorSettings.TLS_MIN_VERSION)) {
                    if (!settings.text(setting).isEmpty()) {
                        throw BadSettingException.of(
                                AdaptorSettings.DISABLE_TLS,
                                "true",
                                "contradicts " + setting.names() + ": unset one of them");
                    }
                }
                warnings.add("TLS to the VMs is off (" + AdaptorSettings.DISABLE_TLS.names()
                        + "): any host that reaches a VM's agent port controls the pod");
            }
            try {
                if (!files.certificate().isEmpty()) {
                    Credentials.read(Path.of(files.key()), Path.of(files.certificate()));
                }
            } catch (ConfigException e) {
                throw BadSettingException.of(
                        AdaptorSettings.CERT_FILE, files.certificate(), "cannot be used: " + e.getMessage());
            }
            try {
                if (!files.ca().isEmpty()) {
                    Credentials.readCertificates(Path.of(files.ca()));
                }
            } catch (ConfigException e) {
                throw BadSettingException.of(
                        AdaptorSettings.CA_CERT_FILE, files.ca(), "cannot be used: " + e.getMessage());
            }
            return files;
        }

        private void together(Setting one, Setting other) throws BadSettingException {
            boolean first = settings.text(one).isEmpty();
            if (first != settings.text(other).isEmpty()) {
                Setting given = first ? other : one;
                Setting missing = first ? one : other;
                throw BadSettingException.of(given, settings.text(given), "needs " + missing.names() + " too");
            }
        }

        private Optional<GrpcTls> grpcTls(Optional<SocketAddress> grpc) throws BadSettingException {
            boolean tcp = grpc.isPresent() && grpc.get() instanceof InetSocketAddress;
            List<Setting> three = List.of(
                    AdaptorSettings.GRPC_CERT_FILE, AdaptorSettings.GRPC_CERT_KEY, AdaptorSettings.GRPC_CA_FILE);
            if (!tcp) {
                for (Setting setting : three) {
                    if (!settings.text(setting).isEmpty()) {
                        throw BadSettingException.of(
                                setting,
                                settings.text(setting),
                                "is for gRPC over TCP, and " + AdaptorSettings.GRPC_LISTEN.names() + " is \""
                                        + settings.text(AdaptorSettings.GRPC_LISTEN) + "\"");
                    }
                }
                return Optional.empty();
            }
            for (Setting setting : three) {
                if (settings.text(setting).isEmpty()) {
                    throw BadSettingException.of(
                            AdaptorSettings.GRPC_LISTEN,
                            settings.text(AdaptorSettings.GRPC_LISTEN),
                            "is TCP, which is offered with mutual TLS only: " + setting.names() + " is missing");
                }
            }
            try {
                return Optional.of(GrpcTls.read(
                        Path.of(settings.text(AdaptorSettings.GRPC_CERT_FILE)),
                        Path.of(settings.text(AdaptorSettings.GRPC_CERT_KEY)),
                        Path.of(settings.text(AdaptorSettings.GRPC_CA_FILE))));
            } catch (ConfigException e) {
                throw BadSettingException.of(
                        AdaptorSettings.GRPC_CERT_FILE,
                        settings.text(AdaptorSettings.GRPC_CERT_FILE),
                        "cannot be used: " + e.getMessage());
            }
        }

        private Optional<InetSocketAddress> probes() throws BadSettingException {
            return read(
                    AdaptorSettings.PROBE_PORT,
                    text -> text.isEmpty() || text.equals("off")
                            ? Optional.empty()
                            : Optional.of(
                                    new InetSocketAddress(InetAddress.getLoopbackAddress(), ListenAddress.port(text))));
        }

        private Optional<InetSocketAddress> metrics() throws BadSettingException {
            return read(AdaptorSettings.METRICS_LISTEN, text -> {
                if (text.startsWith("unix:")) {
                    throw new IllegalArgumentException("is a unix socket; Prometheus needs <address>:<port>");
                }
                return ListenAddress.of(text).map(InetSocketAddress.class::cast);
            });
        }

        private String name(Setting setting) throws BadSettingException {
            return read(setting, text -> {
                if (text.length() > 128 || !text.matches("[A-Za-z0-9._:/@-]*")) {
                    throw new IllegalArgumentException("is not at most 128 letters, digits and . _ : / @ -");
                }
                return text;
            });
        }

        private String node() throws BadSettingException {
            String name = name(AdaptorSettings.NODE_NAME);
            return name.isEmpty() ? HostName.get() : name;
        }
    }
}
