package io.peerpods.agent;

import io.peerpods.agent.userdata.MetadataService;
import io.peerpods.config.PodVmPaths;
import io.peerpods.daemon.CrashPoint;
import io.peerpods.daemon.Logs;
import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Setting.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * The settings of podvm-agent. The first ten are those of the existing system's agent-protocol-forwarder, with its names, defaults
 * and meaning; like those they are flags only, as the image's unit file gives them.
 */
final class AgentSettings {

    static final Setting VERSION = new Setting("version", "", Kind.BOOL, "false", "Print the version and exit.");
    static final Setting CONFIG = new Setting(
            "config",
            "",
            Kind.TEXT,
            PodVmPaths.AGENT_CONFIG,
            "The agent's configuration, as the adaptor made it; user-data brings it.");
    static final Setting LISTEN =
            new Setting("listen", "", Kind.TEXT, "0.0.0.0:15150", "Address and port for the worker's adaptor.");
    static final Setting KATA_AGENT_SOCKET = new Setting(
            "kata-agent-socket",
            "",
            Kind.TEXT,
            "/run/kata-containers/agent.sock",
            "Unix socket of kata-agent; it may come later than podvm-agent.");
    static final Setting POD_NAMESPACE = new Setting(
            "pod-namespace",
            "",
            Kind.TEXT,
            "/run/netns/podns",
            "Network namespace of the pod; made when it is not there.");
    static final Setting HOST_INTERFACE = new Setting(
            "host-interface",
            "",
            Kind.TEXT,
            "",
            "NIC of the tunnel, where the worker says that it has one of its own; default: the second one.");
    static final Setting CA_CERT_FILE = new Setting(
            "ca-cert-file",
            "",
            Kind.TEXT,
            "",
            "CA (PEM) whose client certificates are accepted, instead of the one that the configuration brings.");
    static final Setting CERT_FILE = new Setting(
            "cert-file",
            "",
            Kind.TEXT,
            "",
            "Server certificate (PEM), instead of the one that the configuration brings.");
    static final Setting CERT_KEY =
            new Setting("cert-key", "", Kind.TEXT, "", "Key (PEM) of the certificate in -cert-file.");
    static final Setting TLS_SKIP_VERIFY = new Setting(
            "tls-skip-verify",
            "",
            Kind.BOOL,
            "false",
            "Accept every client. For tests only: anybody may run containers.");
    static final Setting DISABLE_TLS = new Setting(
            "disable-tls", "", Kind.BOOL, "false", "Plain TCP; the adaptor needs the same. For tests only.");

    static final Setting USER_DATA = new Setting(
            "user-data",
            "",
            Kind.TEXT,
            "auto",
            "Where user-data comes from: aws (metadata service), none (the configuration is or will be there), the absolute path of a"
                    + " file or of a NoCloud directory, or auto: -nocloud-dir if it has one, aws on EC2, else none.");
    static final Setting USER_DATA_TIMEOUT = new Setting(
            "user-data-fetch-timeout",
            "",
            Kind.DURATION,
            "3m",
            "How long the user-data, or the configuration where there is no user-data, is waited for.");
    static final Setting NOCLOUD_DIR = new Setting(
            "nocloud-dir", "", Kind.TEXT, "/media/cidata", "Where the image mounts the disk labelled cidata.");
    static final Setting METADATA_URL =
            new Setting("metadata-url", "", Kind.TEXT, MetadataService.URL, "The metadata service of EC2.");
    static final Setting METADATA_V1 = new Setting(
            "metadata-v1",
            "",
            Kind.BOOL,
            "false",
            "Read the metadata service without a session token when none is to be had, its request timed out included.");
    static final Setting NETWORK_TIMEOUT = new Setting(
            "network-timeout",
            "",
            Kind.DURATION,
            "3m",
            "How long the VM's NICs, their addresses and routes are waited for. After it the agent listens and tells every caller what is"
                    + " missing, so it is less than the adaptor's PROXY_TIMEOUT.");
    static final Setting KATA_AGENT_TIMEOUT = new Setting(
            "kata-agent-timeout", "", Kind.DURATION, "150s", "How long a call waits for kata-agent's socket.");
    static final Setting STATE_DIR = new Setting(
            "state-dir",
            "",
            Kind.TEXT,
            PodVmPaths.DIRECTORY,
            "Where the record of the changes to the VM's network is kept, for undoing them. Lost at the next boot, like the changes.");
    static final Setting VERIFY = new Setting(
            "verify",
            "",
            Kind.BOOL,
            "false",
            "Compare the pod's network with what it should be, print the difference and exit: 0 when there is none, 1 otherwise.");
    static final Setting CONSOLE = new Setting(
            "console",
            "",
            Kind.TEXT,
            "",
            "A terminal, such as /dev/console, that is told why the agent cannot work, beside the log.");

    static final List<Setting> TABLE = table();

    private AgentSettings() {}

    private static List<Setting> table() {
        List<Setting> table = new ArrayList<>(List.of(
                CONFIG,
                LISTEN,
                KATA_AGENT_SOCKET,
                POD_NAMESPACE,
                HOST_INTERFACE,
                CA_CERT_FILE,
                CERT_FILE,
                CERT_KEY,
                TLS_SKIP_VERIFY,
                DISABLE_TLS,
                VERSION,
                USER_DATA,
                USER_DATA_TIMEOUT,
                NOCLOUD_DIR,
                METADATA_URL,
                METADATA_V1,
                NETWORK_TIMEOUT,
                KATA_AGENT_TIMEOUT,
                STATE_DIR,
                VERIFY,
                CONSOLE,
                CrashPoint.SETTING));
        table.addAll(Logs.SETTINGS);
        return List.copyOf(table);
    }
}
