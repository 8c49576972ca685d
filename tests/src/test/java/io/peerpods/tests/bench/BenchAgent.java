package io.peerpods.tests.bench;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.HandlerRegistry;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerMethodDefinition;
import io.grpc.stub.ServerCalls;
import io.peerpods.proto.agent.HealthCheckResponse;
import io.peerpods.proto.agent.ReadStreamRequest;
import io.peerpods.proto.agent.ReadStreamResponse;
import io.peerpods.ttrpc.Opaque;
import io.peerpods.ttrpc.TtrpcServer;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Plays kata-agent for the relay's figures, where the local VPC's stand-in would be the slowest part: ReadStdout answers as many
 * bytes as were asked for, Check is SERVING, everything else is empty.
 */
public final class BenchAgent extends HandlerRegistry {
    private static final ByteString SERVING = HealthCheckResponse.newBuilder()
            .setStatus(HealthCheckResponse.ServingStatus.SERVING)
            .build()
            .toByteString();

    private BenchAgent() {}

    public static void main(String[] arguments) throws Exception {
        String address = arguments.length > 0
                ? arguments[0]
                : System.getenv().getOrDefault("KATA_AGENT_SERVER_ADDR", "unix:///run/kata-containers/agent.sock");
        Path socket = Path.of(address.replaceFirst("^unix://", ""));
        Files.createDirectories(Objects.requireNonNull(socket.getParent()));
        try (TtrpcServer server = TtrpcServer.builder()
                .fallback(new BenchAgent())
                .direct(method -> true)
                .listen(UnixDomainSocketAddress.of(socket))) {
            System.out.println("listening on " + server.address());
            Thread.currentThread().join();
        }
    }

    @Override
    public ServerMethodDefinition<?, ?> lookupMethod(String method, @Nullable String authority) {
        return ServerMethodDefinition.create(
                Opaque.method(method, MethodType.UNARY, Opaque.byteStrings()),
                ServerCalls.asyncUnaryCall((request, answer) -> {
                    answer.onNext(answer(method, request));
                    answer.onCompleted();
                }));
    }

    private @Nullable ByteString last;
    private int lastLength = -1;

    private ByteString answer(String method, ByteString request) {
        return switch (method) {
            case "grpc.Health/Check" -> SERVING;
            case "grpc.AgentService/ReadStdout" -> stdout(request);
            default -> ByteString.EMPTY;
        };
    }

    private synchronized ByteString stdout(ByteString request) {
        try {
            int length = ReadStreamRequest.parseFrom(request).getLen();
            ByteString known = last;
            if (known == null || length != lastLength) {
                known = ReadStreamResponse.newBuilder()
                        .setData(ByteString.copyFrom(new byte[length]))
                        .build()
                        .toByteString();
                last = known;
                lastLength = length;
            }
            return known;
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalArgumentException(e);
        }
    }
}
