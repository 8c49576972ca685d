package io.peerpods.vpc.standin;

import io.grpc.stub.StreamObserver;
import io.peerpods.proto.agent.CheckRequest;
import io.peerpods.proto.agent.HealthCheckResponse;
import io.peerpods.proto.agent.HealthGrpc;
import io.peerpods.proto.agent.VersionCheckResponse;

/** Says that the stand-in serves, and that it is one. */
final class StandInHealth extends HealthGrpc.HealthImplBase {

    @Override
    public void check(CheckRequest request, StreamObserver<HealthCheckResponse> observer) {
        observer.onNext(HealthCheckResponse.newBuilder()
                .setStatus(HealthCheckResponse.ServingStatus.SERVING)
                .build());
        observer.onCompleted();
    }

    @Override
    public void version(CheckRequest request, StreamObserver<VersionCheckResponse> observer) {
        observer.onNext(VersionCheckResponse.newBuilder()
                .setGrpcVersion("0.0.1")
                .setAgentVersion("standin-kata-agent")
                .build());
        observer.onCompleted();
    }
}
