package io.peerpods.cloud.aws.metadata;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.cloud.aws.ec2world.WorkerMetadataServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class WorkerMetadataTest {

    @Test
    void eachAnswerIsOnItsOwn() throws IOException {
        String mac = "02:00:00:00:00:01";
        Map<String, String> data = Map.of(
                "mac",
                mac,
                "network/interfaces/macs/" + mac + "/security-group-ids",
                "sg-1\nsg-2\n",
                "public-keys",
                "0=ops\n1=other");
        try (WorkerMetadataServer server = WorkerMetadataServer.start(data)) {
            WorkerMetadata metadata = new WorkerMetadata(URI.create(server.endpoint()));

            assertThat(metadata.region()).isEmpty();
            assertThat(metadata.subnet()).isEmpty();
            assertThat(metadata.groups()).containsExactly("sg-1", "sg-2");
            assertThat(metadata.keyName()).contains("ops");
        }
    }

    @Test
    void aWorkerThatIsNoInstanceHasNoAnswers() {
        WorkerMetadata metadata = new WorkerMetadata(URI.create("http://127.0.0.1:9"));

        assertThat(metadata.region()).isEmpty();
        assertThat(metadata.groups()).isEmpty();
        assertThat(metadata.keyName()).isEmpty();
        assertThat(metadata.address()).isEmpty();
    }

    @Test
    void anInstanceIdThatIsNoneGivesNoArn() throws Exception {
        try (WorkerMetadataServer server = WorkerMetadataServer.start(Map.of(
                "instance-id", "i-1\"},{*",
                "services/partition", "aws",
                "placement/region", "us-east-1",
                "mac", "02:00:00:00:00:01",
                "network/interfaces/macs/02:00:00:00:00:01/owner-id", "123456789012"))) {
            assertThat(new WorkerMetadata(URI.create(server.endpoint())).arn()).isEmpty();
        }
    }

    @Test
    void aProxyOfTheProcessIsNotAskedForMetadata() throws Exception {
        ProxySelector usual = ProxySelector.getDefault();
        ProxySelector.setDefault(ProxySelector.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 9)));
        try (WorkerMetadataServer server = WorkerMetadataServer.start(Map.of("local-ipv4", "10.0.0.1"))) {
            assertThat(new WorkerMetadata(URI.create(server.endpoint())).address())
                    .contains("10.0.0.1");
        } finally {
            ProxySelector.setDefault(usual);
        }
    }

    @Test
    void aTokenThatHasExpiredIsRenewed() throws Exception {
        try (WorkerMetadataServer server = WorkerMetadataServer.start(Map.of("local-ipv4", "10.0.0.1"))) {
            WorkerMetadata metadata = new WorkerMetadata(URI.create(server.endpoint()));
            assertThat(metadata.address()).contains("10.0.0.1");

            server.expireTokens();

            assertThat(metadata.address()).contains("10.0.0.1");
        }
    }

    @Test
    void aTimeOutIsNotTakenForAWorkerWithoutMetadataForEver() throws Exception {
        try (WorkerMetadataServer server = WorkerMetadataServer.start(Map.of("local-ipv4", "10.0.0.1"))) {
            AtomicLong now = new AtomicLong();
            WorkerMetadata metadata = new WorkerMetadata(URI.create(server.endpoint()), now::get);
            server.delay(Duration.ofSeconds(4));
            assertThat(metadata.address()).isEmpty();
            server.delay(Duration.ZERO);

            now.addAndGet(Duration.ofSeconds(11).toNanos());

            assertThat(metadata.address()).contains("10.0.0.1");
        }
    }
}
