package io.peerpods.cloud.local;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.cloud.Finding;
import io.peerpods.cloud.Finding.Level;
import io.peerpods.cloud.LaunchLog;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.OwnedVm;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.Worker;
import io.peerpods.linux.IpAddresses;
import io.peerpods.vpc.LocalVpc;
import io.peerpods.vpc.model.NicRequest;
import io.peerpods.vpc.model.NoFreeAddressException;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.model.WorkerNode;
import io.peerpods.vpc.vm.VmImage;
import io.peerpods.vpc.vm.VmRequest;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Launches pod VMs in a {@link LocalVpc}. A VM's id follows from cluster, worker and sandbox, and its file is written before anything of it
 * is made: a launch that was interrupted is found again by its id alone.
 */
final class LocalCloud implements CloudProvider {

    private static final Logger LOG = LoggerFactory.getLogger(LocalCloud.class);
    private static final Gson GSON = new Gson();
    private static final String CLUSTER = "cluster";
    private static final String NODE = "node";
    private static final String SANDBOX = "sandbox";
    private static final int LARGEST_USER_DATA = 16 * 1024;

    private final LocalConfig config;
    private final Worker worker;
    private final OpenVpc vpc;

    /** What the launch log holds. */
    private record Intent(String id) {}

    /** A piece of work on the VPC. */
    @FunctionalInterface
    private interface Work<T> {
        T run(LocalVpc vpc);
    }

    private LocalCloud(LocalConfig config, Worker worker) {
        this.config = config;
        this.worker = worker;
        this.vpc = new OpenVpc(() -> open(config));
    }

    /** The VPC is opened meanwhile: only what needs it waits. */
    static LocalCloud start(LocalConfig config, Worker worker) {
        return new LocalCloud(config, worker);
    }

    private static LocalVpc open(LocalConfig config) {
        LocalVpc vpc = LocalVpc.open(config.vpc(), config.spec());
        try {
            if (!vpc.spec().equals(config.spec())) {
                LOG.info("{} has a VPC with subnets and MTU of its own, which stay as they are", config.vpc());
            }
            config.workerAddress()
                    .filter(address -> isNew(vpc, address))
                    .ifPresent(address -> vpc.attachThisMachine("this-machine", address));
            return vpc;
        } catch (RuntimeException e) {
            vpc.close();
            throw e;
        }
    }

    /** A worker of that address that the VPC has already is this machine: the adaptor runs in its namespace. */
    private static boolean isNew(LocalVpc vpc, InetAddress address) {
        return vpc.workers().stream()
                .noneMatch(node -> !node.isAttached() && node.ip().equals(address));
    }

    @Override
    public String name() {
        return "local";
    }

    @Override
    public PodVm launch(LaunchSpec spec, LaunchLog log) throws CloudException, InterruptedException {
        if (spec.userData().getBytes(StandardCharsets.UTF_8).length > LARGEST_USER_DATA) {
            throw new CloudException.InvalidRequest(
                    Outcome.NOT_DONE,
                    "the user-data of sandbox " + spec.sandboxId() + " is larger than the " + LARGEST_USER_DATA
                            + " bytes that EC2 takes too; shorten the pod's initdata");
        }
        if (!spec.volumes().isEmpty()) {
            throw new CloudException.InvalidRequest(
                    Outcome.NOT_DONE, "the local provider has no volumes; sandbox " + spec.sandboxId() + " wants some");
        }
        String id = id(spec.sandboxId());
        VmImage image = config.image(worker.agentPort());
        log.write(GSON.toJson(new Intent(id)));
        int subnets = vpc.get().spec().subnets().size();
        VmRequest request = new VmRequest(
                id,
                spec.name(),
                nics(spec, subnets),
                spec.userData(),
                image,
                config.bootDelay(),
                Map.of(),
                Map.of(
                        CLUSTER,
                        worker.clusterId(),
                        NODE,
                        worker.node(),
                        SANDBOX,
                        spec.sandboxId().value()));
        Vm vm = attempt("launch " + id + " for sandbox " + spec.sandboxId(), open -> open.startVm(request));
        return new PodVm(id, List.of(vm.primary().ip()));
    }

    private List<NicRequest> nics(LaunchSpec spec, int subnets) {
        List<NicRequest> nics = new ArrayList<>(List.of(NicRequest.in(0)));
        if (spec.externalNetwork()) {
            nics.add(NicRequest.in(subnets - 1).arriving(config.secondNic()));
        }
        return nics;
    }

    @Override
    public void delete(SandboxId sandboxId, LaunchLog log) throws CloudException, InterruptedException {
        String id = logged(log).orElseGet(() -> id(sandboxId));
        attempt("delete " + id + " of sandbox " + sandboxId, open -> {
            open.stopVm(id);
            return id;
        });
    }

    private static Optional<String> logged(LaunchLog log) {
        return log.last().map(text -> {
            try {
                return GSON.fromJson(text, Intent.class).id();
            } catch (JsonParseException e) {
                throw new IllegalStateException("the launch log is not this provider's: " + text, e);
            }
        });
    }

    @Override
    public List<OwnedVm> owned() throws CloudException, InterruptedException {
        return attempt(
                "list VMs",
                open -> open.vms().stream()
                        .filter(vm -> worker.clusterId().equals(vm.tags().get(CLUSTER))
                                && worker.node().equals(vm.tags().get(NODE)))
                        .map(vm -> new OwnedVm(
                                vm.id(), SandboxId.tryParse(vm.tags().getOrDefault(SANDBOX, ""))))
                        .toList());
    }

    /** A VPC is read from this machine's files. */
    @Override
    public Duration consistencyWindow() {
        return Duration.ZERO;
    }

    @Override
    public Optional<InetAddress> workerAddress() throws CloudException, InterruptedException {
        // The address is there once the VPC is open.
        vpc.get();
        return config.workerAddress();
    }

    @Override
    public Optional<String> ended(PodVm vm) throws CloudException, InterruptedException {
        return attempt(
                "look at " + vm.id(),
                open -> open.isRunning(vm.id())
                        ? Optional.empty()
                        : Optional.of(vm.id() + " has no processes any more"));
    }

    @Override
    public List<Finding> check() throws InterruptedException {
        List<Finding> findings = new ArrayList<>();
        try {
            checkVpc(vpc.get(), findings);
        } catch (CloudException e) {
            findings.add(new Finding(Level.ERROR, "local VPC " + config.vpc(), String.valueOf(e.getMessage())));
        }
        for (String program : List.of("unshare", "nsenter", "setsid", "mount", "env", "sleep", "hostname", "nft")) {
            findings.add(program(program));
        }
        try {
            config.image(worker.agentPort());
            findings.add(
                    new Finding(Level.OK, "podvm-agent", config.podvmAgent().toString()));
        } catch (CloudException e) {
            findings.add(new Finding(Level.ERROR, "podvm-agent", String.valueOf(e.getMessage())));
        }
        findings.add(
                config.kataAgent()
                        .map(program -> new Finding(Level.OK, "kata-agent", program.toString()))
                        .orElseGet(
                                () -> new Finding(
                                        Level.WARNING,
                                        "kata-agent",
                                        "none given: a stand-in runs containers as plain processes of the pod VM, without image or isolation")));
        return findings;
    }

    private void checkVpc(LocalVpc open, List<Finding> findings) {
        List<String> subnets = open.spec().subnets().stream()
                .map(subnet -> subnet.cidr().toString())
                .toList();
        findings.add(new Finding(
                Level.OK, "local VPC " + open.directory(), open.vms().size() + " pod VMs, subnets " + subnets));
        if (!open.spec().equals(config.spec())) {
            findings.add(
                    new Finding(
                            Level.WARNING,
                            "subnets of the VPC",
                            "the VPC was made with other subnets or another MTU and keeps them; 'adaptor local -cleanup' removes it"));
        }
        if (worker.externalNetwork() && subnets.size() < 2) {
            findings.add(new Finding(
                    Level.WARNING,
                    "secondary NIC",
                    "there is one subnet only: both NICs of a pod VM with external network are in it"));
        }
        List<String> addresses = open.workers().stream()
                .map(WorkerNode::ip)
                .map(IpAddresses::text)
                .toList();
        findings.add(
                addresses.isEmpty()
                        ? new Finding(
                                Level.WARNING,
                                "worker",
                                "no worker is in the VPC; -local-worker-address puts this machine there")
                        : new Finding(Level.OK, "worker", "in the VPC at " + String.join(", ", addresses)));
    }

    private static Finding program(String name) {
        String path = Optional.ofNullable(System.getenv("PATH")).orElse("") + ":/usr/sbin:/sbin:/usr/bin:/bin";
        return Arrays.stream(path.split(":", -1))
                .filter(directory -> !directory.isEmpty())
                .map(directory -> Path.of(directory, name))
                .filter(Files::isExecutable)
                .findFirst()
                .map(found -> new Finding(Level.OK, "program " + name, found.toString()))
                .orElseGet(() -> new Finding(
                        Level.ERROR,
                        "program " + name,
                        "not found in PATH; install util-linux, coreutils, hostname and nftables"));
    }

    /** The kind of a failure decides what the adaptor does next. */
    private <T> T attempt(String what, Work<T> work) throws CloudException, InterruptedException {
        try {
            return work.run(vpc.get());
        } catch (NoFreeAddressException e) {
            throw new CloudException.NoCapacity(Outcome.NOT_DONE, what + ": " + e.getMessage(), e);
        } catch (IllegalArgumentException e) {
            throw new CloudException.InvalidRequest(Outcome.NOT_DONE, what + ": " + e.getMessage(), e);
        } catch (RuntimeException e) {
            if (Thread.interrupted()) {
                throw (InterruptedException) new InterruptedException(what).initCause(e);
            }
            throw new CloudException.Unavailable(Outcome.UNKNOWN, what + ": " + e.getMessage(), e);
        }
    }

    /** Seventeen hex digits, as EC2's ids have. */
    private String id(SandboxId sandboxId) {
        String whole = String.join("\n", worker.clusterId(), worker.node(), sandboxId.value());
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(whole.getBytes(StandardCharsets.UTF_8));
            return "local-" + HexFormat.of().formatHex(digest).substring(0, 17);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    @Override
    public void close() {
        vpc.close();
    }
}
