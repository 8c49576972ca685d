package io.peerpods.adaptor;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.cloud.CloudProviderType;
import io.peerpods.cloud.Finding;
import io.peerpods.cloud.LaunchLog;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.OwnedVm;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.Worker;
import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Settings;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The adaptor's side of {@link TestCloud}. */
final class TestCloudType implements CloudProviderType {

    private static final Setting SOCKET =
            new Setting("test-cloud", "TEST_CLOUD", Setting.Kind.TEXT, "", "Socket of the test's cloud.");
    private static final Setting FINDING =
            new Setting("test-finding", "", Setting.Kind.TEXT, "OK", "Level of what a check finds.");
    private static final Setting PROBLEMS = new Setting(
            "test-problems",
            "",
            Setting.Kind.TEXT,
            "",
            "File that says why no pod can be launched, while it is there.");
    private static final Gson GSON = new Gson();

    @Override
    public String name() {
        return "test";
    }

    @Override
    public String summary() {
        return "the test's own cloud";
    }

    @Override
    public List<Setting> settings() {
        return List.of(SOCKET, FINDING, PROBLEMS);
    }

    @Override
    public CloudProvider open(Settings settings, Worker worker) {
        Finding finding = new Finding(
                Finding.Level.valueOf(settings.text(FINDING)), "image test-1", "looked at for " + worker.clusterId());
        return new Client(settings.text(SOCKET), finding, settings.text(PROBLEMS));
    }

    private record Client(String socket, Finding finding, String problemFile) implements CloudProvider {

        @Override
        public String name() {
            return "test";
        }

        private JsonObject ask(JsonObject request) throws CloudException, InterruptedException {
            try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
                ByteBuffer bytes = ByteBuffer.wrap((request + "\n").getBytes(StandardCharsets.UTF_8));
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                String line = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8)).readLine();
                JsonObject answer = GSON.fromJson(line, JsonObject.class);
                if (answer.has("fault")) {
                    throw new NoClassDefFoundError(answer.get("fault").getAsString());
                }
                if (answer.has("error")) {
                    throw new CloudException.NoCapacity(
                            Outcome.NOT_DONE, answer.get("error").getAsString());
                }
                return answer;
            } catch (ClosedByInterruptException e) {
                Thread.interrupted();
                InterruptedException interrupted = new InterruptedException();
                interrupted.initCause(e);
                throw interrupted;
            } catch (IOException e) {
                throw new CloudException.Unavailable(Outcome.UNKNOWN, "the test's cloud does not answer", e);
            }
        }

        private static JsonObject request(String what, String sandbox) {
            JsonObject request = new JsonObject();
            request.addProperty("do", what);
            request.addProperty("sandbox", sandbox);
            return request;
        }

        @Override
        public PodVm launch(LaunchSpec spec, LaunchLog log) throws CloudException, InterruptedException {
            log.write("launch " + spec.name());
            JsonObject request = request("launch", spec.sandboxId().value());
            request.addProperty("userData", spec.userData());
            JsonObject answer = ask(request);
            try {
                return new PodVm(
                        answer.get("id").getAsString(),
                        List.of(InetAddress.getByName(answer.get("address").getAsString())));
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void delete(SandboxId sandboxId, LaunchLog log) throws CloudException, InterruptedException {
            var _ = ask(request("delete", sandboxId.value()));
        }

        @Override
        public List<OwnedVm> owned() throws CloudException, InterruptedException {
            List<OwnedVm> owned = new ArrayList<>();
            for (JsonElement sandbox : ask(request("owned", "")).getAsJsonArray("owned")) {
                String name = sandbox.getAsString();
                owned.add(new OwnedVm("vm-" + name, SandboxId.tryParse(name), name.startsWith("other-machine")));
            }
            return owned;
        }

        @Override
        public Optional<String> ended(PodVm vm) throws CloudException, InterruptedException {
            return ask(request("ended", vm.id())).get("ended").getAsBoolean()
                    ? Optional.of(vm.id() + " was terminated by a test")
                    : Optional.empty();
        }

        @Override
        public Duration consistencyWindow() {
            return Duration.ofMillis(300);
        }

        @Override
        public List<Finding> check() {
            return List.of(finding);
        }

        @Override
        public List<Finding> problems() {
            try {
                return problemFile.isEmpty()
                        ? List.of()
                        : List.of(
                                new Finding(Finding.Level.ERROR, "test cloud", Files.readString(Path.of(problemFile))));
            } catch (IOException e) {
                return List.of();
            }
        }

        @Override
        public void close() {}
    }
}
