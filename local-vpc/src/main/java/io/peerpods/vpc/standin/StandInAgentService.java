package io.peerpods.vpc.standin;

import com.google.protobuf.ByteString;
import com.google.protobuf.Empty;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.peerpods.proto.agent.AgentServiceGrpc;
import io.peerpods.proto.agent.CloseStdinRequest;
import io.peerpods.proto.agent.CopyFileRequest;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.CreateSandboxRequest;
import io.peerpods.proto.agent.ExecProcessRequest;
import io.peerpods.proto.agent.GuestDetailsResponse;
import io.peerpods.proto.agent.OOMEvent;
import io.peerpods.proto.agent.ReadStreamRequest;
import io.peerpods.proto.agent.ReadStreamResponse;
import io.peerpods.proto.agent.RemoveContainerRequest;
import io.peerpods.proto.agent.SignalProcessRequest;
import io.peerpods.proto.agent.StartContainerRequest;
import io.peerpods.proto.agent.WaitProcessRequest;
import io.peerpods.proto.agent.WaitProcessResponse;
import io.peerpods.proto.agent.WriteStreamRequest;
import io.peerpods.proto.agent.WriteStreamResponse;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;

/** What the shim asks of an agent in the life of a pod, answered as kata-agent answers it. */
final class StandInAgentService extends AgentServiceGrpc.AgentServiceImplBase {

    private final ProcessTable processes = new ProcessTable();
    private final GuestFiles files;

    StandInAgentService(GuestFiles files) {
        this.files = files;
    }

    /** An answer that may take its time and may fail. */
    @FunctionalInterface
    private interface Answer<T> {
        T get() throws IOException, InterruptedException;
    }

    private static <T> void answer(StreamObserver<T> observer, Answer<T> answer) {
        T value;
        try {
            value = answer.get();
        } catch (StatusRuntimeException e) {
            observer.onError(e);
            return;
        } catch (IOException | IllegalArgumentException e) {
            observer.onError(Status.INTERNAL
                    .withDescription(String.valueOf(e.getMessage()))
                    .withCause(e)
                    .asRuntimeException());
            return;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            observer.onError(Status.CANCELLED.withCause(e).asRuntimeException());
            return;
        }
        observer.onNext(value);
        observer.onCompleted();
    }

    private static void done(StreamObserver<Empty> observer, Runnable work) {
        answer(observer, () -> {
            work.run();
            return Empty.getDefaultInstance();
        });
    }

    @Override
    public void createSandbox(CreateSandboxRequest request, StreamObserver<Empty> observer) {
        answer(observer, () -> {
            files.clear();
            processes.sandbox(request.getSandboxId());
            return Empty.getDefaultInstance();
        });
    }

    @Override
    public void destroySandbox(Empty request, StreamObserver<Empty> observer) {
        done(observer, processes::clear);
    }

    @Override
    public void createContainer(CreateContainerRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> processes.create(request));
    }

    @Override
    public void startContainer(StartContainerRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> processes.start(request.getContainerId()));
    }

    @Override
    public void removeContainer(RemoveContainerRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> processes.remove(request.getContainerId()));
    }

    @Override
    public void execProcess(ExecProcessRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> processes.exec(request.getContainerId(), request.getExecId(), request.getProcess()));
    }

    @Override
    public void signalProcess(SignalProcessRequest request, StreamObserver<Empty> observer) {
        done(
                observer,
                () -> processes
                        .get(request.getContainerId(), request.getExecId())
                        .signal(request.getSignal()));
    }

    @Override
    public void waitProcess(WaitProcessRequest request, StreamObserver<WaitProcessResponse> observer) {
        answer(observer, () -> {
            int status =
                    processes.get(request.getContainerId(), request.getExecId()).await();
            processes.forget(request.getContainerId(), request.getExecId());
            return WaitProcessResponse.newBuilder().setStatus(status).build();
        });
    }

    @Override
    public void readStdout(ReadStreamRequest request, StreamObserver<ReadStreamResponse> observer) {
        answer(
                observer,
                () -> data(processes
                        .get(request.getContainerId(), request.getExecId())
                        .readStdout(request.getLen())));
    }

    @Override
    public void readStderr(ReadStreamRequest request, StreamObserver<ReadStreamResponse> observer) {
        answer(
                observer,
                () -> data(processes
                        .get(request.getContainerId(), request.getExecId())
                        .readStderr(request.getLen())));
    }

    /** The shim takes an error for the end of a stream, and kata-agent ends one so. */
    private static ReadStreamResponse data(ByteString bytes) {
        if (bytes.isEmpty()) {
            throw Status.INTERNAL.withDescription("read meet eof").asRuntimeException();
        }
        return ReadStreamResponse.newBuilder().setData(bytes).build();
    }

    @Override
    public void writeStdin(WriteStreamRequest request, StreamObserver<WriteStreamResponse> observer) {
        answer(observer, () -> {
            processes.get(request.getContainerId(), request.getExecId()).write(request.getData());
            return WriteStreamResponse.newBuilder()
                    .setLen(request.getData().size())
                    .build();
        });
    }

    @Override
    public void closeStdin(CloseStdinRequest request, StreamObserver<Empty> observer) {
        answer(observer, () -> {
            processes.get(request.getContainerId(), request.getExecId()).closeStdin();
            return Empty.getDefaultInstance();
        });
    }

    @Override
    public void copyFile(CopyFileRequest request, StreamObserver<Empty> observer) {
        answer(observer, () -> {
            files.copy(request);
            return Empty.getDefaultInstance();
        });
    }

    @Override
    public void getGuestDetails(Empty request, StreamObserver<GuestDetailsResponse> observer) {
        answer(observer, GuestDetailsResponse::getDefaultInstance);
    }

    /** Nothing here ever runs out of memory: the shim waits for this answer until it goes. */
    @Override
    public void getOOMEvent(Empty request, StreamObserver<OOMEvent> observer) {
        CountDownLatch gone = new CountDownLatch(1);
        Context.current().addListener(context -> gone.countDown(), Runnable::run);
        answer(observer, () -> {
            gone.await();
            throw Status.CANCELLED.asRuntimeException();
        });
    }

    @Override
    public void updateContainer(Empty request, StreamObserver<Empty> observer) {
        answer(observer, Empty::getDefaultInstance);
    }

    @Override
    public void statsContainer(Empty request, StreamObserver<Empty> observer) {
        answer(observer, Empty::getDefaultInstance);
    }

    @Override
    public void removeStaleVirtiofsShareMounts(Empty request, StreamObserver<Empty> observer) {
        answer(observer, Empty::getDefaultInstance);
    }

    @Override
    public void ttyWinResize(Empty request, StreamObserver<Empty> observer) {
        answer(observer, Empty::getDefaultInstance);
    }

    @Override
    public void setPolicy(Empty request, StreamObserver<Empty> observer) {
        answer(observer, Empty::getDefaultInstance);
    }
}
