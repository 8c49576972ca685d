package io.peerpods.cloud.local;

import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Setting.Kind;
import java.util.List;

/** The settings of the local provider. */
final class LocalSettings {

    static final Setting VPC_DIRECTORY = new Setting(
            "local-room",
            "LOCAL_ROOM",
            Kind.TEXT,
            "/run/peerpod/room",
            "Directory with the state of the local VPC, in which pod VMs are namespaces. An existing VPC is used as it is.");
    static final Setting SUBNETS = new Setting(
            "local-subnets",
            "LOCAL_SUBNETS",
            Kind.LIST,
            "10.10.0.0/16,10.20.0.0/24",
            "Subnets of the simulated VPC, /28 or larger: the first for the worker and primary NICs, the last for secondary NICs. They must"
                    + " not overlap with networks that this machine uses.");
    static final Setting WORKER_ADDRESS = new Setting(
            "local-worker-address",
            "LOCAL_WORKER_ADDRESS",
            Kind.TEXT,
            "10.10.0.10",
            "Address in the first subnet that this machine's own network gets, by one more link; none: it is in the VPC already.");
    static final Setting MTU = new Setting(
            "local-mtu", "LOCAL_MTU", Kind.INT, "9001", "MTU of the simulated VPC, 1280 to 9216; EC2 has 9001.");
    static final Setting PODVM_AGENT = new Setting(
            "podvm-agent",
            "LOCAL_PODVM_AGENT",
            Kind.TEXT,
            "",
            "Directory of the podvm-agent distribution; default: the one beside the adaptor's own.");
    static final Setting PODVM_AGENT_FLAGS = new Setting(
            "podvm-agent-flags",
            "LOCAL_PODVM_AGENT_FLAGS",
            Kind.LIST,
            "",
            "Further flags for podvm-agent, such as -log-level=debug.");
    static final Setting KATA_AGENT = new Setting(
            "kata-agent",
            "LOCAL_KATA_AGENT",
            Kind.TEXT,
            "",
            "Path of a kata-agent binary; without it a stand-in runs each container's command from this machine's own file system.");
    static final Setting IMAGE = new Setting(
            "local-image",
            "LOCAL_IMAGE",
            Kind.TEXT,
            "",
            "Directory with what a real kata-agent needs of its VM: run/ (copied into the VM's /run), services/ (programs that the VM starts)"
                    + " and agent-config.toml (kata-agent's --config). With it the VM also has cgroups and a /dev of its own.");
    static final Setting SECOND_NIC = new Setting(
            "local-second-nic",
            "LOCAL_SECOND_NIC",
            Kind.TEXT,
            "boot",
            "When the secondary NIC of a pod with external network comes: boot, never, or so long after the boot (20s). For trials.");
    static final Setting BOOT_DELAY = new Setting(
            "local-boot-delay",
            "LOCAL_BOOT_DELAY",
            Kind.DURATION,
            "0s",
            "How long a pod VM's programs wait before they start, as a kernel's boot would make them. For trials.");
    static final Setting CLEANUP = new Setting(
            "cleanup",
            "",
            Kind.BOOL,
            "false",
            "Remove the local VPC with every pod VM in it, whatever made it, and exit.");

    static final List<Setting> TABLE = List.of(
            VPC_DIRECTORY,
            SUBNETS,
            WORKER_ADDRESS,
            MTU,
            PODVM_AGENT,
            PODVM_AGENT_FLAGS,
            KATA_AGENT,
            IMAGE,
            SECOND_NIC,
            BOOT_DELAY,
            CLEANUP);

    private LocalSettings() {}
}
