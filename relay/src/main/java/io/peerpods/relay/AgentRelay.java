package io.peerpods.relay;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.proto.agent.CheckRequest;
import io.peerpods.proto.agent.HealthCheckResponse;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.proto.ttrpc.Response;
import io.peerpods.ttrpc.frame.Frame;
import io.peerpods.ttrpc.io.IoThread;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The worker's half of the agent path: a unix socket for Kata's shim, and TLS to the forwarder in the pod VM. It accepts callers
 * from the start; their calls wait until the VM's address is known and a connection stands. Nothing here lasts beyond the
 * process: one that starts again makes the relay anew and gives it the VM's address. Thread-safe; {@link #close} ends everything,
 * dialling included, at once.
 */
public final class AgentRelay implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(AgentRelay.class);

    /** The shim has one connection, runtime-rs a second one on which it never says anything. */
    private static final int MAX_CALLERS = 64;

    private static final Duration HANDSHAKE = Duration.ofSeconds(10);
    private static final Duration PAUSE = Duration.ofMillis(25);
    /** How long a VM that was connected to is dialled after the connection broke: its agent may be starting again. */
    private static final Duration RETURN = Duration.ofSeconds(4);

    private static final Duration CHECK_AGAIN = Duration.ofMillis(100);

    private final RelayOptions options;
    private final ServerSocketChannel listener;
    private final IoThread io;
    private final PathWatch watch;
    private final @Nullable RelayThreads own;
    private final Set<Session> sessions = ConcurrentHashMap.newKeySet();
    private final ReentrantLock lock = new ReentrantLock();
    private final Rarely crowding = new Rarely(Duration.ofSeconds(10));
    private final Condition changed = lock.newCondition();
    private final ReentrantLock dialling = new ReentrantLock();

    private @Nullable InetSocketAddress agent;
    private @Nullable Upstream ready;
    private volatile @Nullable Dialler dialler;

    /** The VM has answered once: from then on it is waited for {@link #RETURN} only. */
    private volatile boolean reached;

    private volatile boolean closed;

    private AgentRelay(RelayOptions options, ServerSocketChannel listener) throws IOException {
        this.options = options;
        this.listener = listener;
        RelayThreads shared = options.threads();
        RelayThreads threads = shared == null ? RelayThreads.start(1) : shared;
        this.own = shared == null ? threads : null;
        this.io = threads.next();
        this.watch = threads.watch();
    }

    /**
     * Listens for the shim.
     *
     * @throws IOException when the socket cannot be made; the text names path and reason
     */
    public static AgentRelay listen(RelayOptions options) throws IOException {
        ServerSocketChannel listener = Sockets.listen(options.socket());
        AgentRelay relay;
        try {
            relay = new AgentRelay(options, listener);
        } catch (IOException e) {
            Sockets.closeQuietly(listener);
            throw e;
        }
        Thread.ofVirtual()
                .name("agent-relay")
                .start(new AcceptLoop(options.socket().toString(), listener, relay::admit));
        return relay;
    }

    /** Says where the agent is; callers who wait go on. A connection to another address is given up, calls on their way stay. */
    public void agentAt(InetSocketAddress address) {
        lock.lock();
        try {
            if (!address.equals(agent) && ready != null) {
                ready.close();
                ready = null;
            }
            agent = address;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Connects to the agent, unless a connection stands already, and keeps the connection for the first caller.
     *
     * @param deadline for everything: waiting for the address, dialling, TLS
     * @throws StatusException UNAVAILABLE when there was no answer, UNAUTHENTICATED when the TLS handshake was refused for good,
     *     CANCELLED when the relay was closed
     */
    public void connect(Duration deadline) throws StatusException {
        long end = System.nanoTime() + deadline.toNanos();
        Upstream upstream = obtain(end, deadline);
        keep(upstream);
    }

    /**
     * Asks the agent whether it serves, over a connection of the relay's, and tries again while there is time when the
     * connection breaks.
     *
     * @throws StatusException the agent's own status where it sent one, such as FAILED_PRECONDITION with what went wrong in the VM
     */
    public void check(Duration deadline) throws StatusException {
        long end = System.nanoTime() + deadline.toNanos();
        Status last = null;
        while (true) {
            Upstream upstream = null;
            try {
                upstream = obtain(end, deadline);
                checkOn(upstream, end, deadline);
                keep(upstream);
                return;
            } catch (StatusException e) {
                boolean again = e.getStatus().getCode() == Status.Code.UNAVAILABLE
                        && !closed
                        && System.nanoTime() + CHECK_AGAIN.toNanos() - end < 0;
                if (again) {
                    pause(CHECK_AGAIN);
                }
                Status gone = upstream == null ? null : upstream.gone();
                if (upstream != null) {
                    upstream.close();
                }
                if (gone != null) {
                    throw gone.asException();
                }
                if (!again) {
                    throw last != null && e.getStatus().getCode() == Status.Code.DEADLINE_EXCEEDED
                            ? last.asException() // it says more than that time is over
                            : e;
                }
                last = e.getStatus();
            }
        }
    }

    /**
     * Makes one unary call over a connection of the relay's, without a second try.
     *
     * @param payload the request message's protobuf encoding
     * @param deadline for everything: dialling, TLS, the answer
     * @return the response message's protobuf encoding
     * @throws StatusException the status that the VM's side or the agent answered; UNAVAILABLE or DEADLINE_EXCEEDED when none came
     */
    public ByteString call(String service, String method, ByteString payload, Duration deadline)
            throws StatusException {
        long end = System.nanoTime() + deadline.toNanos();
        Upstream upstream = obtain(end, deadline);
        Answer answer;
        try {
            answer = exchange(upstream, new Query(service, method, payload), end, deadline);
        } catch (StatusException e) {
            upstream.close();
            throw e;
        }
        keep(upstream);
        if (!answer.status().isOk()) {
            throw answer.status().asException();
        }
        return answer.payload();
    }

    /** Hangs up on everyone, ends dialling and removes the socket. A second call does nothing. */
    @Override
    public void close() {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            changed.signalAll();
            if (ready != null) {
                ready.close();
                ready = null;
            }
        } finally {
            lock.unlock();
        }
        Dialler current = dialler;
        if (current != null) {
            current.cancel();
        }
        Sockets.closeQuietly(listener);
        sessions.forEach(Session::close);
        if (own != null) {
            own.close();
        }
        try {
            Files.deleteIfExists(options.socket());
        } catch (IOException e) {
            LOG.warn("cannot remove {}: {}", options.socket(), Sockets.reason(e));
        }
    }

    private void admit(SocketChannel caller) {
        if (sessions.size() >= MAX_CALLERS) {
            crowding.run(left -> LOG.warn(
                    "{}: more than {} callers at once, hanging up on one{}", options.socket(), MAX_CALLERS, left));
            Sockets.closeQuietly(caller);
            return;
        }
        Session session = new Session(
                io,
                new Session.Peer(caller, UnixDomainSocketAddress.of(options.socket()), null),
                Upstream.LIMITS,
                new ToVm(),
                options.edits(),
                null,
                (ended, cause) -> sessions.remove(ended));
        sessions.add(session);
        session.start();
        if (closed) {
            session.close();
        }
    }

    /** Hangs up on every caller: the agent is gone for good, and its calls would wait for nothing. */
    private void agentGone(Status why) {
        LOG.warn("{}: hanging up on the shim: {}", options.socket(), why.getDescription());
        sessions.forEach(session -> session.end(why));
    }

    private final class ToVm implements Upstreams {
        @Override
        public Upstream take(Duration limit) throws StatusException {
            Duration dialling = reached && RETURN.compareTo(options.dialling()) < 0 ? RETURN : options.dialling();
            Duration deadline = limit.compareTo(dialling) < 0 ? limit : dialling;
            return obtain(System.nanoTime() + deadline.toNanos(), deadline);
        }

        @Override
        public @Nullable Status gone(@Nullable Upstream broken) {
            Status why = broken == null ? null : broken.gone() == null ? broken.lost() : broken.gone();
            if (why == null && reached) {
                why = returns();
            }
            if (why != null) {
                agentGone(why); // callers that have no connection of their own too
            }
            return why;
        }

        /** Why the VM does not come back; null when it is there again, or the relay was closed. */
        private @Nullable Status returns() {
            try {
                keep(obtain(System.nanoTime() + RETURN.toNanos(), RETURN));
                return null;
            } catch (StatusException e) {
                return closed
                        ? null
                        : Status.UNAVAILABLE.withDescription("the connection broke, and no other is to be had: "
                                + e.getStatus().getDescription());
            }
        }
    }

    /** The connection that stands ready, which is the caller's from now on, or a new one. */
    private Upstream obtain(long end, Duration deadline) throws StatusException {
        InetSocketAddress address = address(end);
        if (!lockDialling(end)) {
            throw unavailable("still being dialled after " + deadline.toMillis() + " ms");
        }
        try {
            Upstream kept = takeReady();
            return kept != null && kept.isOpen() ? kept : dial(address, end);
        } finally {
            dialling.unlock();
        }
    }

    private InetSocketAddress address(long end) throws StatusException {
        lock.lock();
        try {
            while (agent == null && !closed) {
                // Before the VM is launched there is no address; an early caller waits, as in a backlog.
                long left = end - System.nanoTime();
                if (left <= 0 || changed.awaitNanos(left) <= 0) {
                    throw unavailable("its address is not known yet");
                }
            }
            if (agent == null || closed) {
                throw cancelled();
            }
            return agent;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw cancelled();
        } finally {
            lock.unlock();
        }
    }

    private boolean lockDialling(long end) throws StatusException {
        try {
            return dialling.tryLock(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw cancelled();
        }
    }

    private @Nullable Upstream takeReady() {
        lock.lock();
        try {
            Upstream kept = ready;
            ready = null;
            return kept;
        } finally {
            lock.unlock();
        }
    }

    private void keep(Upstream upstream) throws StatusException {
        lock.lock();
        try {
            if (closed) {
                upstream.close();
                throw cancelled();
            }
            if (ready != null && ready != upstream) {
                ready.close();
            }
            ready = upstream;
        } finally {
            lock.unlock();
        }
    }

    private Upstream dial(InetSocketAddress address, long end) throws StatusException {
        String name = options.peer() + " (" + Dialler.text(address) + ")";
        String last = "no attempt was made";
        while (!closed) {
            long left = end - System.nanoTime();
            if (left <= 0) {
                throw Status.UNAVAILABLE
                        .withDescription(name + " cannot be reached: " + last)
                        .asException();
            }
            Dialler attempt = new Dialler(address);
            dialler = attempt;
            if (closed) {
                break;
            }
            try {
                SocketChannel socket = attempt.dial(Duration.ofNanos(left));
                Duration limit = Duration.ofNanos(Math.min(HANDSHAKE.toNanos(), Math.max(1, end - System.nanoTime())));
                Upstream upstream =
                        Upstream.open(io, socket, address, options.transport().engine(), limit, name);
                watch(upstream, socket);
                return upstream;
            } catch (SSLHandshakeException | SSLPeerUnverifiedException e) {
                throw Status.UNAUTHENTICATED
                        .withDescription("TLS with " + name + " failed: " + Sockets.reason(e))
                        .withCause(e)
                        .asException();
            } catch (SSLException e) {
                // Without a cause it is what was read that is no TLS, and waiting makes it none.
                if (e.getCause() == null) {
                    throw Status.UNAUTHENTICATED
                            .withDescription(
                                    name + " answers, but not with TLS (" + Sockets.reason(e)
                                            + "): is the port taken by another program than podvm-agent, or does that run with -disable-tls?")
                            .withCause(e)
                            .asException();
                }
                last = Sockets.reason(e);
            } catch (IOException e) {
                // Connected and then cut: an agent that is just starting, or starting again.
                last = Sockets.reason(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw cancelled();
            }
            pause(PAUSE);
        }
        throw cancelled();
    }

    private void watch(Upstream upstream, SocketChannel socket) throws IOException {
        try {
            watch.watch(upstream, socket, options.vm());
            reached = true;
        } catch (IOException e) {
            upstream.close();
            throw e;
        }
    }

    private void checkOn(Upstream upstream, long end, Duration deadline) throws StatusException {
        Answer got = exchange(upstream, Query.CHECK, end, deadline);
        if (!got.status().isOk()) {
            throw got.status().asException();
        }
        try {
            var serving = HealthCheckResponse.parseFrom(got.payload()).getStatus();
            if (serving != HealthCheckResponse.ServingStatus.SERVING) {
                throw unavailable("the agent says that it is " + serving);
            }
        } catch (InvalidProtocolBufferException e) {
            throw Status.INTERNAL
                    .withDescription(options.peer() + ": the answer to Health/Check cannot be read: " + e.getMessage())
                    .asException();
        }
    }

    /** A unary call of the relay's own. */
    private record Query(String service, String method, ByteString payload) {

        static final Query CHECK = new Query(
                "grpc.Health", "Check", CheckRequest.getDefaultInstance().toByteString());

        /** As people know it: without the package. */
        String name() {
            return service.substring(service.lastIndexOf('.') + 1) + "/" + method;
        }
    }

    private Answer exchange(Upstream upstream, Query query, long end, Duration deadline) throws StatusException {
        long left = Math.max(1, end - System.nanoTime());
        CompletableFuture<Answer> answer = new CompletableFuture<>();
        byte[] frame = Frame.of(
                0,
                Frame.REQUEST,
                0,
                Request.newBuilder()
                        .setService(query.service())
                        .setMethod(query.method())
                        .setPayload(query.payload())
                        .setTimeoutNano(left)
                        .build()
                        .toByteArray());
        try {
            upstream.send(frame, new Answered(answer));
            return answer.get(left, TimeUnit.NANOSECONDS);
        } catch (Upstream.NotSentException e) {
            throw unavailable("the connection was gone at once");
        } catch (TimeoutException e) {
            throw Status.DEADLINE_EXCEEDED
                    .withDescription(options.peer() + ": connected, but kata-agent has not answered " + query.name()
                            + " within " + deadline.toMillis() + " ms")
                    .asException();
        } catch (ExecutionException e) {
            throw Status.INTERNAL
                    .withDescription(options.peer() + ": " + e.getMessage())
                    .asException();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw cancelled();
        }
    }

    private void pause(Duration time) throws StatusException {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw cancelled();
        }
    }

    private StatusException unavailable(String why) {
        return Status.UNAVAILABLE
                .withDescription(options.peer() + " cannot be reached: " + why)
                .asException();
    }

    private StatusException cancelled() {
        return Status.CANCELLED
                .withDescription("the relay to " + options.peer() + " was closed")
                .asException();
    }

    /** What a unary call came back with. */
    private record Answer(Status status, ByteString payload) {

        static Answer failed(Status status) {
            return new Answer(status, ByteString.EMPTY);
        }

        static Answer parse(byte[] body) {
            try {
                Response response = Response.parseFrom(body);
                var status = response.getStatus();
                Status outcome = status.getCode() == 0
                        ? Status.OK
                        : Status.fromCodeValue(status.getCode()).withDescription(status.getMessage());
                return new Answer(outcome, response.getPayload());
            } catch (InvalidProtocolBufferException e) {
                return failed(Status.INTERNAL.withDescription("the agent's answer cannot be read: " + e.getMessage()));
            }
        }
    }

    private record Answered(CompletableFuture<Answer> answer) implements Upstream.Sink {

        @Override
        public void whole(byte[] body) {
            answer.complete(Answer.parse(body));
        }

        @Override
        public void oversized(long length) {
            answer.complete(
                    Answer.failed(Status.INTERNAL.withDescription("the agent's answer has " + length + " bytes")));
        }

        @Override
        public void broken(Status why, boolean begun) {
            answer.complete(Answer.failed(why));
        }
    }
}
