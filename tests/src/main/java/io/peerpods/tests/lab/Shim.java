package io.peerpods.tests.lab;

import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.peerpods.proto.hypervisor.CreateVMRequest;
import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.proto.hypervisor.StartVMRequest;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.proto.hypervisor.VersionRequest;
import io.peerpods.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Plays Kata's Go shim towards the remote hypervisor: a new connection for every call, the nine annotations always there, the
 * deadlines that it has.
 *
 * @param socket the hypervisor's
 */
public record Shim(Path socket) {

    private static final Metadata HEADERS = headers();
    private static final String SANDBOX_NAME = "io.kubernetes.cri.sandbox-name";
    private static final String SANDBOX_NAMESPACE = "io.kubernetes.cri.sandbox-namespace";
    private static final String CONFIG = "io.katacontainers.config.hypervisor.";

    /** Creates the VM's record; the answer is the agent's socket. */
    public Path createVm(String id, String podName, String podNamespace, String networkNamespace) {
        Map<String, String> annotations = new LinkedHashMap<>();
        annotations.put(SANDBOX_NAME, podName);
        annotations.put(SANDBOX_NAMESPACE, podNamespace);
        for (String key : new String[] {"machine_type", "image", "cc_init_data", "default_gpu_model"}) {
            annotations.put(CONFIG + key, "");
        }
        for (String key : new String[] {"default_vcpus", "default_memory", "default_gpus"}) {
            annotations.put(CONFIG + key, "0");
        }
        CreateVMRequest request = CreateVMRequest.newBuilder()
                .setId(id)
                .putAllAnnotations(annotations)
                .setNetworkNamespacePath(networkNamespace)
                .build();
        return Path.of(call(stub -> stub.createVM(request)).getAgentSocketPath());
    }

    /** Starts the VM; ten minutes at most, as by default. */
    public void startVm(String id) {
        StartVMRequest request = StartVMRequest.newBuilder().setId(id).build();
        call(stub -> stub.withDeadlineAfter(600, TimeUnit.SECONDS).startVM(request));
    }

    /** Stops the VM. */
    public void stopVm(String id) {
        StopVMRequest request = StopVMRequest.newBuilder().setId(id).build();
        call(stub -> stub.stopVM(request));
    }

    /** Whether a hypervisor answers there. */
    public boolean answers() {
        try {
            call(stub -> stub.withDeadlineAfter(10, TimeUnit.SECONDS)
                    .version(VersionRequest.newBuilder().setVersion("0").build()));
            return true;
        } catch (StatusRuntimeException | UncheckedIOException e) {
            return false;
        }
    }

    private <T> T call(Function<HypervisorGrpc.HypervisorBlockingStub, T> rpc) {
        try (TtrpcChannel channel = TtrpcChannel.connect(UnixDomainSocketAddress.of(socket))) {
            return rpc.apply(HypervisorGrpc.newBlockingStub(withHeaders(channel)));
        } catch (IOException e) {
            throw new UncheckedIOException("connect to the remote hypervisor at " + socket, e);
        }
    }

    static Channel withHeaders(Channel channel) {
        return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(HEADERS));
    }

    private static Metadata headers() {
        Metadata metadata = new Metadata();
        metadata.put(Metadata.Key.of("containerd-namespace-ttrpc", Metadata.ASCII_STRING_MARSHALLER), "k8s.io");
        return metadata;
    }
}
