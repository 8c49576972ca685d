package io.peerpods.ttrpc;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.HandlerRegistry;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import org.jspecify.annotations.Nullable;

/** Every method of a server goes to a channel, unread: what a relay is, in the least code. */
final class PassThrough extends HandlerRegistry implements ServerCallHandler<byte[], byte[]> {
    private final Channel upstream;

    private PassThrough(Channel upstream) {
        this.upstream = upstream;
    }

    static HandlerRegistry to(Channel upstream) {
        return new PassThrough(upstream);
    }

    @Override
    public ServerMethodDefinition<?, ?> lookupMethod(String method, @Nullable String authority) {
        return ServerMethodDefinition.create(Opaque.method(method, MethodType.UNKNOWN), this);
    }

    @Override
    public ServerCall.Listener<byte[]> startCall(ServerCall<byte[], byte[]> down, Metadata headers) {
        MethodType type = down.getAttributes().get(TtrpcServer.WIRE_TYPE);
        MethodDescriptor<byte[], byte[]> method =
                Opaque.method(down.getMethodDescriptor().getFullMethodName(), type == null ? MethodType.UNARY : type);
        ClientCall<byte[], byte[]> up = upstream.newCall(
                method,
                CallOptions.DEFAULT
                        .withExecutor(Runnable::run)
                        .withDeadline(Context.current().getDeadline()));
        up.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onMessage(byte[] message) {
                        down.sendMessage(message);
                        up.request(1);
                    }

                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        down.close(status, trailers);
                    }
                },
                headers);
        up.request(1);
        down.request(1);
        return new ServerCall.Listener<>() {
            @Override
            public void onMessage(byte[] message) {
                up.sendMessage(message);
                down.request(1);
            }

            @Override
            public void onHalfClose() {
                up.halfClose();
            }

            @Override
            public void onCancel() {
                up.cancel("the caller is gone", null);
            }
        };
    }
}
