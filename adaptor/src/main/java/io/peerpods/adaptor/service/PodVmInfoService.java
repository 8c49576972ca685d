package io.peerpods.adaptor.service;

import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import io.peerpods.adaptor.sandbox.Sandboxes;
import io.peerpods.proto.podvminfo.GetInfoRequest;
import io.peerpods.proto.podvminfo.GetInfoResponse;
import io.peerpods.proto.podvminfo.PodVMInfoGrpc;

/** Which VM a pod runs on, for CSI drivers of the node. */
final class PodVmInfoService extends PodVMInfoGrpc.PodVMInfoImplBase {

    private final Sandboxes sandboxes;

    PodVmInfoService(Sandboxes sandboxes) {
        this.sandboxes = sandboxes;
    }

    @Override
    public void getInfo(GetInfoRequest request, StreamObserver<GetInfoResponse> caller) {
        Answers.to(
                caller,
                () -> GetInfoResponse.newBuilder()
                        .setVMID(sandboxes.vmOf(
                                request.getPodNamespace(), request.getPodName(), request.getWait(), Context.current()))
                        .build());
    }
}
