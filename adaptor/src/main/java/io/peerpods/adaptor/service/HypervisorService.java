package io.peerpods.adaptor.service;

import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import io.peerpods.adaptor.sandbox.Sandboxes;
import io.peerpods.proto.hypervisor.CreateVMRequest;
import io.peerpods.proto.hypervisor.CreateVMResponse;
import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.proto.hypervisor.StartVMRequest;
import io.peerpods.proto.hypervisor.StartVMResponse;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.proto.hypervisor.StopVMResponse;
import io.peerpods.proto.hypervisor.VersionRequest;
import io.peerpods.proto.hypervisor.VersionResponse;

/** Kata's remote hypervisor; each call on a thread that may block. */
final class HypervisorService extends HypervisorGrpc.HypervisorImplBase {

    private final Sandboxes sandboxes;
    private final String version;

    HypervisorService(Sandboxes sandboxes, String version) {
        this.sandboxes = sandboxes;
        this.version = version;
    }

    @Override
    public void createVM(CreateVMRequest request, StreamObserver<CreateVMResponse> caller) {
        Answers.to(
                caller,
                () -> CreateVMResponse.newBuilder()
                        .setAgentSocketPath(sandboxes.create(
                                request.getId(), request.getAnnotationsMap(), request.getNetworkNamespacePath()))
                        .build());
    }

    @Override
    public void startVM(StartVMRequest request, StreamObserver<StartVMResponse> caller) {
        Answers.to(caller, () -> {
            sandboxes.start(request.getId(), Context.current());
            return StartVMResponse.getDefaultInstance();
        });
    }

    @Override
    public void stopVM(StopVMRequest request, StreamObserver<StopVMResponse> caller) {
        Answers.to(caller, () -> {
            sandboxes.stop(request.getId());
            return StopVMResponse.getDefaultInstance();
        });
    }

    @Override
    public void version(VersionRequest request, StreamObserver<VersionResponse> caller) {
        Answers.to(
                caller, () -> VersionResponse.newBuilder().setVersion(version).build());
    }
}
