package io.peerpods.adaptor.service;

import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.peerpods.ttrpc.TtrpcServer;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The services by gRPC, with standard health and reflection: on a unix socket of the owner's, or over TCP with mutual TLS. */
public final class GrpcEndpoint implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(GrpcEndpoint.class);
    private static final int MAX_CALLS = 256;
    private static final long DRAIN_SECONDS = 2;

    private final Server server;
    private final EventLoopGroup loops;
    private final HealthStatusManager health;
    private final SocketAddress address;

    private GrpcEndpoint(Server server, EventLoopGroup loops, HealthStatusManager health, SocketAddress address) {
        this.server = server;
        this.loops = loops;
        this.health = health;
        this.address = address;
    }

    /** Serves. {@code tls} is there for TCP, and only then. */
    public static GrpcEndpoint listen(
            SocketAddress where, Optional<GrpcTls> tls, List<ServerServiceDefinition> services) throws IOException {
        Optional<Path> file =
                where instanceof UnixDomainSocketAddress unix ? Optional.of(unix.getPath()) : Optional.empty();
        if (file.isPresent()) {
            UnixSocketFile.prepare(file.get());
        }
        Class<? extends ServerChannel> channel =
                file.isPresent() ? NioServerDomainSocketChannel.class : NioServerSocketChannel.class;
        EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        HealthStatusManager health = new HealthStatusManager();
        NettyServerBuilder builder = NettyServerBuilder.forAddress(
                        where, tls.isPresent() ? tls.get().credentials() : InsecureServerCredentials.create())
                .channelType(channel)
                .bossEventLoopGroup(loops)
                .workerEventLoopGroup(loops)
                .executor(Executors.newVirtualThreadPerTaskExecutor())
                .withOption(ChannelOption.SO_BACKLOG, TtrpcServer.BACKLOG)
                .maxConcurrentCallsPerConnection(MAX_CALLS)
                .permitKeepAliveWithoutCalls(true)
                .addServices(services)
                .addService(health.getHealthService())
                .addService(ProtoReflectionServiceV1.newInstance());
        try {
            Server server = builder.build().start();
            if (file.isPresent()) {
                Files.setPosixFilePermissions(file.get(), PosixFilePermissions.fromString("rw-------"));
            }
            health.setStatus("", ServingStatus.SERVING);
            services.forEach(
                    service -> health.setStatus(service.getServiceDescriptor().getName(), ServingStatus.SERVING));
            return new GrpcEndpoint(
                    server, loops, health, server.getListenSockets().getFirst());
        } catch (IOException e) {
            var _ = loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
            throw new IOException("cannot serve gRPC on " + where + ": " + e.getMessage(), e);
        }
    }

    /** Where it really listens. */
    public SocketAddress address() {
        return address;
    }

    /** Ends after the calls in progress, and after two seconds in any case. */
    @Override
    public void close() {
        health.enterTerminalState();
        server.shutdown();
        try {
            if (!server.awaitTermination(DRAIN_SECONDS, TimeUnit.SECONDS)) {
                server.shutdownNow();
            }
            if (address instanceof UnixDomainSocketAddress unix) {
                Files.deleteIfExists(unix.getPath());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            log.warn("{} is left behind: {}", address, e.toString());
        }
        var _ = loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
