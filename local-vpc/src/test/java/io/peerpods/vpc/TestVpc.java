package io.peerpods.vpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.Netns;
import io.peerpods.testing.KernelInventory;
import io.peerpods.testing.Programs;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.model.VpcBehaviour;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.vm.VmImage;
import io.peerpods.vpc.vm.VmRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** A VPC for one test, with what tests ask of it; closing removes it and checks that nothing of it is left. */
final class TestVpc implements AutoCloseable {

    static final VpcSpec SPEC = VpcSpec.DEFAULT.withMtu(1500);

    private final Path directory;
    final LocalVpc vpc;

    private TestVpc(VpcSpec spec) {
        try {
            directory = Files.createTempDirectory("vpc-test");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        vpc = LocalVpc.open(directory, spec);
    }

    static TestVpc asEc2() {
        return new TestVpc(SPEC);
    }

    static TestVpc without(VpcBehaviour.Switch off) {
        return new TestVpc(SPEC.withBehaviour(VpcBehaviour.EC2.without(off)));
    }

    Path directory() {
        return directory;
    }

    /** A VM that runs nothing, with a NIC in each of the two subnets. */
    Vm vm(String id) {
        return vpc.startVm(VmRequest.of(id, "user-data of " + id, VmImage.empty(), 0, 1));
    }

    /** Whether the address answers a ping sent from there. */
    boolean ping(Path namespace, InetAddress to, String... options) {
        String[] command = new String[options.length + 9];
        System.arraycopy(new String[] {"ping", "-n", "-q", "-c", "2", "-i", "0.2", "-W"}, 0, command, 0, 8);
        command[8] = "1";
        String[] whole = new String[command.length + 1];
        System.arraycopy(command, 0, whole, 0, 9);
        System.arraycopy(options, 0, whole, 9, options.length);
        whole[whole.length - 1] = IpAddresses.text(to);
        return run(namespace, whole).exit() == 0;
    }

    Programs.Result run(Path namespace, String... command) {
        try (Netns netns = Netns.open(namespace)) {
            return netns.<Programs.Result, RuntimeException>run(() -> Programs.run(command));
        }
    }

    String require(Path namespace, String... command) {
        Programs.Result result = run(namespace, command);
        assertThat(result.exit())
                .as(String.join(" ", command) + ": " + result.output())
                .isZero();
        return result.output();
    }

    /** A program in all namespaces of the VM. */
    String inVm(String id, String... command) throws IOException, InterruptedException {
        Process process = vpc.execInVm(id, command);
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String errors = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue())
                .as(String.join(" ", command) + ": " + errors)
                .isZero();
        return output;
    }

    /** One answer of the metadata service. */
    record Answer(int status, String body) {}

    /** Asks the metadata service from an address of the VM. */
    Answer metadata(Vm vm, InetAddress from, String method, String path, Map<String, String> headers)
            throws IOException {
        try (Netns netns = Netns.open(vm.namespace())) {
            return netns.<Answer, IOException>run(() -> ask(from, method, path, headers));
        }
    }

    String token(Vm vm) throws IOException {
        Answer answer = metadata(
                vm,
                vm.primary().ip(),
                "PUT",
                "/latest/api/token",
                Map.of("X-aws-ec2-metadata-token-ttl-seconds", "60"));
        assertThat(answer.status()).isEqualTo(200);
        return answer.body();
    }

    Answer withToken(Vm vm, String path) throws IOException {
        return metadata(vm, vm.primary().ip(), "GET", path, Map.of("X-aws-ec2-metadata-token", token(vm)));
    }

    private static Answer ask(InetAddress from, String method, String path, Map<String, String> headers)
            throws IOException {
        try (Socket socket = new Socket()) {
            socket.bind(new InetSocketAddress(from, 0));
            socket.setSoTimeout(1500);
            socket.connect(new InetSocketAddress("169.254.169.254", 80), 1500);
            StringBuilder request =
                    new StringBuilder(method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
            headers.forEach((name, value) ->
                    request.append(name).append(": ").append(value).append("\r\n"));
            request.append("Content-Length: 0\r\n\r\n");
            socket.getOutputStream().write(request.toString().getBytes(StandardCharsets.US_ASCII));
            String whole = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int end = whole.indexOf("\r\n\r\n");
            return new Answer(Integer.parseInt(whole.split(" ", 3)[1]), whole.substring(end + 4));
        }
    }

    /** Other tests may run on this machine at the same time: only what carries the VPC's prefix counts. */
    static void awaitNothingOf(String prefix) {
        await(
                "nothing of VPC " + prefix + " is left",
                () -> KernelInventory.take().items().stream().noneMatch(item -> item.contains(prefix)));
    }

    static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("waiting until " + what).isLessThan(deadline);
            try {
                Thread.sleep(10);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(e);
            }
        }
    }

    @Override
    public void close() {
        vpc.close();
        LocalVpc.cleanup(directory);
        assertThat(directory).doesNotExist();
        awaitNothingOf(vpc.prefix());
    }
}
