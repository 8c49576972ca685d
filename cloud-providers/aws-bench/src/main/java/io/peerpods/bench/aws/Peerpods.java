package io.peerpods.bench.aws;

import io.peerpods.cloud.LaunchLog;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.Worker;
import io.peerpods.cloud.aws.AwsCloud;
import io.peerpods.cloud.aws.AwsType;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.daemon.CommandLine;
import io.peerpods.ec2.faults.MotoServer;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** This project's provider, with the settings of a plain deployment. */
final class Peerpods implements Contender {

    private final AwsCloud cloud;
    private final Scenario scenario;
    private final Map<Integer, LaunchLog> logs = new ConcurrentHashMap<>();

    private Peerpods(AwsCloud cloud, Scenario scenario) {
        this.cloud = cloud;
        this.scenario = scenario;
    }

    static Peerpods open(URI endpoint, Account account, Scenario scenario) throws Exception {
        Map<String, String> flags = new HashMap<>(scenario.flags());
        flags.putAll(Map.of(
                "aws-access-key-id", "bench",
                "aws-secret-key", "bench",
                "aws-region", "us-east-1",
                "aws-endpoint-url", endpoint.toString(),
                "aws-metadata-endpoint", "http://127.0.0.1:9",
                "imageid", MotoServer.IMAGE,
                "disable-cvm", "true",
                "subnetid", account.subnet(),
                "securitygroupids", account.group()));
        List<String> arguments = new ArrayList<>();
        flags.forEach((flag, value) -> arguments.add("-" + flag + "=" + value));
        AwsConfig config = AwsConfig.of(new CommandLine(new AwsType().settings()).parse(arguments, Map.of()));
        Worker worker = new Worker("bench", "worker", Path.of("/nonexistent"), scenario.external());
        AwsCloud cloud = AwsCloud.open(config, worker);
        cloud.awaitFirstLook(Duration.ofMinutes(1));
        return new Peerpods(cloud, scenario);
    }

    @Override
    public String name() {
        return "peerpods";
    }

    @Override
    public String launch(int pod) throws Exception {
        LaunchLog log = logs.computeIfAbsent(pod, key -> new Memory());
        LaunchSpec spec = new LaunchSpec(
                sandbox(pod),
                "pod-" + pod,
                "default",
                "podvm-pod-" + pod,
                "#cloud-config\n" + "#".repeat(3000),
                scenario.external(),
                "",
                0,
                0,
                0,
                "",
                "",
                List.of());
        return cloud.launch(spec, log).id();
    }

    @Override
    public void connect(String instance, StandIns agents) throws Exception {
        // The relay dials again every few milliseconds, so the port's opening is the moment.
        agents.connect(instance);
    }

    private static SandboxId sandbox(int pod) {
        return SandboxId.parse("sandbox-" + pod);
    }

    @Override
    public void delete(int pod, String instance) throws Exception {
        cloud.delete(sandbox(pod), logs.computeIfAbsent(pod, key -> new Memory()));
    }

    @Override
    public void close() {
        cloud.close();
    }

    private static final class Memory implements LaunchLog {

        private volatile Optional<String> text = Optional.empty();

        @Override
        public Optional<String> last() {
            return text;
        }

        @Override
        public void write(String text) {
            this.text = Optional.of(text);
        }
    }
}
