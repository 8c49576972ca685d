package io.peerpods.agent.edits;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.agent.volumes.VolumeMounts;
import io.peerpods.network.vm.NameServerRoutes;
import io.peerpods.proto.agent.CopyFileRequest;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.CreateSandboxRequest;
import io.peerpods.proto.tunnelprobe.ReceivedRequest;
import io.peerpods.proto.tunnelprobe.ReceivedResponse;
import io.peerpods.relay.AgentEdits;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the pod VM changes in the agent protocol of Kata: containers join the pod's network namespace, the sandbox gets no
 * name servers of its own (its resolv.conf comes as a file), the name servers of both are told to a listener, so that the
 * pod reaches them by the tunnel, and cloud volumes are mounted for the containers that want them until the sandbox ends. Calls that ask
 * for the tunnel's probes are answered here. Fields that are not known here pass as they are.
 */
public final class PodVmEdits implements AgentEdits {

    private static final String PROBES = "peerpods.TunnelProbe";
    private static final String RECEIVED = "Received";
    private static final String SERVICE = "grpc.AgentService";
    private static final String CREATE_CONTAINER = "CreateContainer";
    private static final String CREATE_SANDBOX = "CreateSandbox";
    private static final String COPY_FILE = "CopyFile";
    private static final String DESTROY_SANDBOX = "DestroySandbox";
    private static final String RESOLV_CONF = "resolv.conf";

    private final String podNamespace;
    private final NameServers nameServers;
    private final VolumeMounts volumes;
    private final TunnelProbes probes;

    /** Tells how many probes with a nonce came through the tunnel; empty when that is not known. */
    @FunctionalInterface
    public interface TunnelProbes {
        OptionalInt received(String nonce);
    }

    /** Hears of the name servers that a pod is given, before the agent does. */
    @FunctionalInterface
    public interface NameServers {
        void learned(List<InetAddress> servers);
    }

    /**
     * @param podNamespace path of the pod's network namespace in the VM
     * @param volumes the pod's cloud volumes
     */
    public PodVmEdits(String podNamespace, NameServers nameServers, VolumeMounts volumes, TunnelProbes probes) {
        this.probes = probes;
        this.podNamespace = podNamespace;
        this.nameServers = nameServers;
        this.volumes = volumes;
    }

    @Override
    public boolean concern(String service, String method) {
        return isProbes(service, method)
                || (service.equals(SERVICE)
                        && (method.equals(CREATE_CONTAINER)
                                || method.equals(CREATE_SANDBOX)
                                || method.equals(COPY_FILE)
                                || method.equals(DESTROY_SANDBOX)));
    }

    private static boolean isProbes(String service, String method) {
        return service.equals(PROBES) && method.equals(RECEIVED);
    }

    @Override
    public Optional<ByteString> answer(String service, String method, ByteString payload) throws StatusException {
        if (!isProbes(service, method)) {
            return Optional.empty();
        }
        try {
            OptionalInt received =
                    probes.received(ReceivedRequest.parseFrom(payload).getNonce());
            return Optional.of(ReceivedResponse.newBuilder()
                    .setProbes(received.orElseThrow(() -> Status.UNIMPLEMENTED
                            .withDescription("probes of the tunnel are not answered in this VM; see podvm-agent's log")
                            .asException()))
                    .build()
                    .toByteString());
        } catch (InvalidProtocolBufferException e) {
            throw Status.INVALID_ARGUMENT.withDescription(e.getMessage()).asException();
        }
    }

    @Override
    public ByteString edit(String service, String method, ByteString payload) throws StatusException {
        try {
            return switch (method) {
                case CREATE_CONTAINER -> createContainer(payload);
                case CREATE_SANDBOX -> createSandbox(payload);
                case COPY_FILE -> copyFile(payload);
                case DESTROY_SANDBOX -> destroySandbox(payload);
                default -> payload;
            };
        } catch (InvalidProtocolBufferException e) {
            throw Status.INTERNAL
                    .withDescription("podvm-agent cannot read " + method + ": " + e.getMessage())
                    .asException();
        }
    }

    private ByteString createContainer(ByteString payload) throws InvalidProtocolBufferException, StatusException {
        CreateContainerRequest request = CreateContainerRequest.parseFrom(payload);
        if (!request.hasOCI()) {
            return payload; // the agent says what is wrong with it
        }
        CreateContainerRequest.Builder edited = request.toBuilder();
        ContainerVolumes.mount(edited.getOCIBuilder(), volumes);
        NetworkNamespace.join(edited.getOCIBuilder().getLinuxBuilder(), podNamespace);
        return edited.build().toByteString();
    }

    private ByteString createSandbox(ByteString payload) throws InvalidProtocolBufferException {
        CreateSandboxRequest request = CreateSandboxRequest.parseFrom(payload);
        if (request.getDnsCount() == 0) {
            return payload;
        }
        learn(request.getDnsList());
        return request.toBuilder().clearDns().build().toByteString();
    }

    private ByteString copyFile(ByteString payload) throws InvalidProtocolBufferException {
        CopyFileRequest request = CopyFileRequest.parseFrom(payload);
        if (request.getPath().endsWith(RESOLV_CONF) && request.getOffset() == 0) {
            learn(List.of(request.getData().toString(StandardCharsets.ISO_8859_1)));
        }
        return payload;
    }

    /** Before the agent ends what is left of the containers: a volume is detached from the VM soon after. */
    private ByteString destroySandbox(ByteString payload) {
        volumes.unmountAll();
        return payload;
    }

    private void learn(List<String> lines) {
        List<InetAddress> servers = NameServerRoutes.servers(lines);
        if (!servers.isEmpty()) {
            nameServers.learned(servers);
        }
    }
}
