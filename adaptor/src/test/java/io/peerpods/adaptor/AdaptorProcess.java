package io.peerpods.adaptor;

import io.grpc.Channel;
import io.peerpods.proto.hypervisor.CreateVMRequest;
import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.proto.hypervisor.StartVMRequest;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One adaptor as a process of its own in the worker's network namespace. */
final class AdaptorProcess implements AutoCloseable {

    private final Process process;
    private final Path socket;
    private final Path output;

    private AdaptorProcess(Process process, Path socket, Path output) {
        this.process = process;
        this.socket = socket;
        this.output = output;
    }

    /** @param prefix a program that runs the rest of the command line somewhere, such as nsenter */
    static AdaptorProcess start(
            List<String> prefix, List<String> flags, Map<String, String> environment, Path socket, Path output)
            throws IOException {
        List<String> command = new ArrayList<>(prefix);
        command.addAll(TestDistribution.java());
        command.addAll(List.of(TestAdaptorMain.class.getName(), "test"));
        command.addAll(flags);
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.to(output.toFile()));
        builder.environment().remove("NOTIFY_SOCKET");
        builder.environment().putAll(environment);
        return new AdaptorProcess(builder.start(), socket, output);
    }

    String output() throws IOException {
        return Files.readString(output);
    }

    /** Waits until it serves; a process that ends instead is an error that shows its output. */
    AdaptorProcess awaitReady() throws Exception {
        Eventually.holds("adaptor is ready", () -> output().contains(" ready ") || !process.isAlive());
        if (!process.isAlive()) {
            throw new AssertionError("the adaptor ended with " + process.exitValue() + ":\n" + output());
        }
        return this;
    }

    boolean isAlive() {
        return process.isAlive();
    }

    long pid() {
        return process.pid();
    }

    /** Waits for its end; the exit status. */
    int awaitExit() throws InterruptedException, IOException {
        if (!process.waitFor(90, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("the adaptor does not end:\n" + output());
        }
        return process.exitValue();
    }

    int terminate() throws InterruptedException, IOException {
        process.destroy();
        return awaitExit();
    }

    void kill() throws InterruptedException {
        process.destroyForcibly();
        process.waitFor();
    }

    /** What the log says after these words. */
    String logged(String words) throws IOException {
        Matcher matcher = Pattern.compile(Pattern.quote(words) + "(\\S+)").matcher(output());
        if (!matcher.find()) {
            throw new AssertionError("no \"" + words + "\" in:\n" + output());
        }
        return matcher.group(1);
    }

    /** One call on a connection of its own, as Kata's Go runtime makes it. */
    <T> T call(Function<Channel, T> call) throws IOException {
        try (TtrpcChannel channel = TtrpcChannel.connect(UnixDomainSocketAddress.of(socket))) {
            return call.apply(channel);
        }
    }

    Path socket() {
        return socket;
    }

    static CreateVMRequest createRequest(String id, String pod, String netns) {
        return CreateVMRequest.newBuilder()
                .setId(id)
                .putAnnotations("io.kubernetes.cri.sandbox-name", pod)
                .putAnnotations("io.kubernetes.cri.sandbox-namespace", "default")
                .putAnnotations("io.katacontainers.config.hypervisor.machine_type", "")
                .putAnnotations("io.katacontainers.config.hypervisor.default_vcpus", "0")
                .putAnnotations("io.katacontainers.config.hypervisor.default_memory", "0")
                .setNetworkNamespacePath(netns)
                .build();
    }

    String create(String id, String pod, String netns) throws IOException {
        return call(channel -> HypervisorGrpc.newBlockingStub(channel).createVM(createRequest(id, pod, netns)))
                .getAgentSocketPath();
    }

    void startVm(String id) throws IOException {
        var _ = call(channel -> HypervisorGrpc.newBlockingStub(channel)
                .withDeadlineAfter(Duration.ofMinutes(2))
                .startVM(StartVMRequest.newBuilder().setId(id).build()));
    }

    void stopVm(String id) throws IOException {
        var _ = call(channel -> HypervisorGrpc.newBlockingStub(channel)
                .stopVM(StopVMRequest.newBuilder().setId(id).build()));
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
