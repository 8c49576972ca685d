package io.peerpods.adaptor;

import io.peerpods.daemon.CrashPoint;
import io.peerpods.daemon.Logs;
import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Setting.InConfigMap;
import io.peerpods.daemon.Setting.Kind;
import java.util.List;

/** The adaptor's own settings, whatever the cloud: names, defaults and meaning of the existing system's, and what is new. */
public final class AdaptorSettings {

    // ---- Kata ----
    static final Setting SOCKET = text(
            "socket",
            "REMOTE_HYPERVISOR_ENDPOINT",
            "/run/peerpod/hypervisor.sock",
            "Unix socket of the hypervisor service, where Kata's shim calls (remote_hypervisor_socket).");
    static final Setting PODS_DIR = text(
                    "pods-dir",
                    "PODS_DIR",
                    "/run/peerpod/pods",
                    "Directory that holds one directory a sandbox, with its agent socket.")
            .shown(InConfigMap.COMMENTED_OUT);
    static final Setting OLD_PODS_DIR = text(
            "peer-pods-dir", "PEER_PODS_DIR", "", "Older name of -pods-dir (PODS_DIR), used when that is not given.");
    static final Setting PAUSE_IMAGE =
            text("pause-image", "PAUSE_IMAGE", "", "Accepted for older deployments; has no effect.");
    static final Setting INITDATA =
            text("initdata", "INITDATA", "", "Initdata of pods that bring none: a TOML document, gzipped, in base64.");
    static final Setting SCRATCH_SPACE = bool(
            "enable-scratch-space",
            "ENABLE_SCRATCH_SPACE",
            "Ask the VM for an encrypted scratch disk, by a marker file in its user-data.");
    static final Setting PROXY_TIMEOUT = new Setting(
            "proxy-timeout",
            "PROXY_TIMEOUT",
            Kind.DURATION,
            "5m",
            "How long a VM may take from launch until its agent answers.");
    static final Setting UNSTARTED_TIMEOUT = new Setting(
            "unstarted-timeout",
            "UNSTARTED_TIMEOUT",
            Kind.DURATION,
            "15m",
            "A sandbox that was created but is not started for so long is removed: Kata never says that it gave one up.");
    static final Setting SWEEP_INTERVAL = new Setting(
            "sweep-interval",
            "SWEEP_INTERVAL",
            Kind.DURATION,
            "30s",
            "How often sandboxes are looked at whose pod may be gone without a word (a killed shim sends no call).");
    static final Setting RECONCILE_INTERVAL = new Setting(
            "reconcile-interval",
            "RECONCILE_INTERVAL",
            Kind.DURATION,
            "5m",
            "How often the worker's VMs are listed in the cloud and compared with stored sandboxes and the kernel's tunnels: one"
                    + " listing for the whole worker.");

    // ---- agent path ----
    static final Setting FORWARDER_PORT = number(
            "forwarder-port",
            "FORWARDER_PORT",
            "15150",
            "TCP port of podvm-agent in the VM; the VM's image must listen there.");
    static final Setting CA_CERT_FILE = text(
            "ca-cert-file",
            "CACERT_FILE",
            "",
            "PEM file of the CA that signed the VMs' certificates, which the VM's image then brings (server name podvm-server)."
                    + " Empty: the adaptor has a CA of its own and gives each VM a certificate.");
    static final Setting CERT_FILE = text(
            "cert-file",
            "CERT_FILE",
            "",
            "PEM file of the adaptor's client certificate; with -cert-key. Empty: one is made.");
    static final Setting CERT_KEY = text("cert-key", "CERT_KEY", "", "PEM file of the private key of -cert-file.");
    static final Setting TLS_SKIP_VERIFY = bool(
            "tls-skip-verify", "TLS_SKIP_VERIFY", "Believe any certificate of a VM. For tests of a deployment only.");
    static final Setting TLS_MIN_VERSION = text(
            "tls-min-version",
            "TLS_MIN_VERSION",
            "",
            "Least TLS version to the VM: VersionTLS12 or VersionTLS13. Empty: VersionTLS12.");
    static final Setting TLS_CIPHER_SUITES = list(
            "tls-cipher-suites",
            "TLS_CIPHER_SUITES",
            "IANA names of the TLS 1.2 cipher suites to the VM; not together with VersionTLS13. Empty: the runtime's.");
    static final Setting DISABLE_TLS = bool(
            "disable-tls",
            "DISABLE_TLS",
            "Plain TCP to the VM; podvm-agent in the VM's image needs the same flag. For tests only.");

    // ---- network ----
    static final Setting TUNNEL_TYPE =
            text("tunnel-type", "TUNNEL_TYPE", "vxlan", "How the pod's network reaches the VM: vxlan is the one type.");
    static final Setting VXLAN_PORT =
            number("vxlan-port", "VXLAN_PORT", "4789", "UDP port of the tunnel, on both ends.");
    static final Setting VXLAN_MIN_ID = number(
            "vxlan-min-id",
            "VXLAN_MIN_ID",
            "555000",
            "Lowest VXLAN network identifier that pods are given, 1 to 16777215.");
    static final Setting REMOVE_FOREIGN_TUNNELS = bool(
            "remove-foreign-tunnels",
            "REMOVE_FOREIGN_TUNNELS",
            "At start, remove the ppvxlan<number> links that the Go cloud-api-adaptor left in the worker's own network namespace; stop"
                    + " that adaptor on this worker first. The tunnels of its running pods are elsewhere and stay.");
    static final Setting HOST_INTERFACE = text(
            "host-interface",
            "HOST_INTERFACE",
            "",
            "The worker's interface towards the VMs. Empty: the one of its default route. Another than that makes the tunnel use a"
                    + " second address of the VM.");
    static final Setting EXTERNAL_NETWORK = bool(
            "ext-network-via-podvm",
            "EXTERNAL_NETWORK_VIA_PODVM",
            "Pods reach the world outside the cluster by a second interface of their VM instead of by the worker.");
    static final Setting POD_SUBNET_CIDRS = list(
            "pod-subnet-cidrs",
            "POD_SUBNET_CIDRS",
            "With -ext-network-via-podvm: the networks that stay on the tunnel, as CIDRs; usually the cluster's pods and services.");
    static final Setting TUNNEL_MTU = number(
            "tunnel-mtu",
            "TUNNEL_MTU",
            "0",
            "Upper bound of the tunnel's MTU in the VM, 576 to 65535; 0 computes it from the pod's and the route's.");
    static final Setting ALLOW_POD_METADATA = bool(
            "allow-pod-metadata",
            "ALLOW_POD_METADATA",
            "Let pods talk to the cloud's metadata service, which tells the VM's user-data and credentials.");
    static final Setting API_SERVICE = text(
            "api-service-address",
            "KUBERNETES_SERVICE_HOST",
            "",
            "Address of the cluster's API service, always reached by the tunnel. Kubernetes sets the variable.");

    static final Setting API_SERVICE_PORT = number(
            "api-service-port",
            "KUBERNETES_SERVICE_PORT",
            "443",
            "TCP port of the cluster's API service. Kubernetes sets the variable.");

    // ---- the worker ----
    static final Setting STATE_DIR = text(
            "state-dir",
            "STATE_DIR",
            "/run/peerpod/state",
            "Directory of the adaptor's own memory: sandboxes, journals, keys. Readable by root only; keep it as long as the machine"
                    + " is up.");
    static final Setting CLUSTER_ID = text(
            "cluster-id",
            "CLUSTER_ID",
            "",
            "Name of the cluster in the tags of its VMs, unique among all that share a cloud account. Empty: the UID of namespace"
                    + " kube-system; when that cannot be read the start is refused (provider local: a random one kept in the state directory).");
    static final Setting NODE_NAME =
            text("node-name", "NODE_NAME", "", "Name of this worker in the tags of its VMs. Empty: the host's name.");
    static final Setting CLOUD_PROVIDER = text(
            "cloud-provider",
            "CLOUD_PROVIDER",
            "",
            "The provider when the command line begins with none: aws or local.");
    static final Setting CLOUD_CONFIG_VERIFY = bool(
            "cloud-config-verify",
            "CLOUD_CONFIG_VERIFY",
            "Run the provider's checks before serving; an error found stops the start, unless there are sandboxes to serve.");

    static final Setting CHECK = new Setting(
            "check",
            "",
            Kind.BOOL,
            "false",
            "Print what the provider's checks find, and exit: 0 when nothing is wrong, else 1.");

    // ---- services ----
    static final Setting GRPC_LISTEN = text(
            "grpc-listen",
            "GRPC_LISTEN",
            "unix:/run/peerpod/adaptor.sock",
            "Where the services are offered by gRPC: unix:<path>, or <address>:<port> with -grpc-cert-file, -grpc-cert-key and"
                    + " -grpc-ca-file (mutual TLS). Port 0 is any free one; off is nowhere.");
    static final Setting GRPC_CERT_FILE =
            text("grpc-cert-file", "GRPC_CERT_FILE", "", "PEM file of the gRPC server's certificate.");
    static final Setting GRPC_CERT_KEY =
            text("grpc-cert-key", "GRPC_CERT_KEY", "", "PEM file of the private key of -grpc-cert-file, PKCS#8.");
    static final Setting GRPC_CA_FILE =
            text("grpc-ca-file", "GRPC_CA_FILE", "", "PEM file of the CA whose clients may call by gRPC over TCP.");
    static final Setting PROBE_PORT = text(
            "probe-port",
            "PROBE_PORT",
            "8000",
            "TCP port of /startup and /healthz on 127.0.0.1. 0 is any free one; off is none.");
    static final Setting METRICS_LISTEN = text(
            "metrics-listen",
            "METRICS_LISTEN",
            "127.0.0.1:9464",
            "Where Prometheus finds /metrics, <address>:<port>. Port 0 is any free one; off is nowhere.");

    // ---- Kubernetes ----
    static final Setting LIMIT_PER_NODE = number(
                    "peerpods-limit-per-node",
                    "PEERPODS_LIMIT_PER_NODE",
                    "10",
                    "Value of the node's extended resource kata.peerpods.io/vm; negative advertises none. Has no effect yet.")
            .shown(InConfigMap.COMMENTED_OUT);
    static final Setting POD_UID = text("pod-uid", "POD_UID", "", "UID of the adaptor's own pod. Has no effect yet.");
    static final Setting POD_NAMESPACE =
            text("pod-namespace", "POD_NAMESPACE", "", "Namespace of the adaptor's own pod. Has no effect yet.");
    static final Setting RUNTIMECLASS_NAME = text(
            "runtimeclass-name",
            "RUNTIMECLASS_NAME",
            "kata-remote",
            "RuntimeClass of peer pods. Has no effect: start-up does not wait for pods to be made anew.");
    static final Setting PLUGIN = bool(
            "enable-cloud-provider-external-plugin",
            "ENABLE_CLOUD_PROVIDER_EXTERNAL_PLUGIN",
            "Refused when true: Go plugins cannot be loaded here.");
    static final Setting PLUGIN_PATH = text(
            "cloud-provider-external-plugin-path",
            "CLOUD_PROVIDER_EXTERNAL_PLUGIN_PATH",
            "",
            "Belongs to -enable-cloud-provider-external-plugin.");
    static final Setting PLUGIN_HASH = text(
            "cloud-provider-external-plugin-hash",
            "CLOUD_PROVIDER_EXTERNAL_PLUGIN_HASH",
            "",
            "Belongs to -enable-cloud-provider-external-plugin.");

    static final List<Setting> KATA = List.of(
            SOCKET,
            PODS_DIR,
            OLD_PODS_DIR,
            PROXY_TIMEOUT,
            UNSTARTED_TIMEOUT,
            SWEEP_INTERVAL,
            RECONCILE_INTERVAL,
            INITDATA,
            SCRATCH_SPACE,
            PAUSE_IMAGE);

    static final List<Setting> AGENT = List.of(
            FORWARDER_PORT,
            CA_CERT_FILE,
            CERT_FILE,
            CERT_KEY,
            TLS_MIN_VERSION,
            TLS_CIPHER_SUITES,
            TLS_SKIP_VERIFY,
            DISABLE_TLS);

    static final List<Setting> NETWORK = List.of(
            EXTERNAL_NETWORK,
            POD_SUBNET_CIDRS,
            TUNNEL_TYPE,
            VXLAN_PORT,
            VXLAN_MIN_ID,
            TUNNEL_MTU,
            HOST_INTERFACE,
            REMOVE_FOREIGN_TUNNELS,
            ALLOW_POD_METADATA,
            API_SERVICE,
            API_SERVICE_PORT);

    static final List<Setting> WORKER =
            List.of(CLOUD_PROVIDER, CLOUD_CONFIG_VERIFY, CHECK, STATE_DIR, CLUSTER_ID, NODE_NAME);

    static final List<Setting> SERVICES = List.of(
            GRPC_LISTEN,
            GRPC_CERT_FILE,
            GRPC_CERT_KEY,
            GRPC_CA_FILE,
            PROBE_PORT,
            METRICS_LISTEN,
            Logs.LEVEL,
            Logs.FORMAT,
            CrashPoint.SETTING);

    static final List<Setting> KUBERNETES =
            List.of(LIMIT_PER_NODE, RUNTIMECLASS_NAME, POD_UID, POD_NAMESPACE, PLUGIN, PLUGIN_PATH, PLUGIN_HASH);

    private AdaptorSettings() {}

    private static Setting text(String flag, String key, String fallback, String meaning) {
        return new Setting(flag, key, Kind.TEXT, fallback, meaning);
    }

    private static Setting list(String flag, String key, String meaning) {
        return new Setting(flag, key, Kind.LIST, "", meaning);
    }

    private static Setting bool(String flag, String key, String meaning) {
        return new Setting(flag, key, Kind.BOOL, "false", meaning);
    }

    private static Setting number(String flag, String key, String fallback, String meaning) {
        return new Setting(flag, key, Kind.INT, fallback, meaning);
    }
}
