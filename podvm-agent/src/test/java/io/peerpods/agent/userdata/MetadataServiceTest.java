package io.peerpods.agent.userdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.peerpods.config.userdata.UserData;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a small HTTP server that behaves as EC2's metadata service does. */
class MetadataServiceTest {

    private static final String MACS = "/latest/meta-data/network/interfaces/macs/";

    private final Map<String, byte[]> values = new ConcurrentHashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private final AtomicInteger tokens = new AtomicInteger();
    private final CountDownLatch end = new CountDownLatch(1);
    private volatile boolean versionOneToo;
    private volatile int tokenStatus = 200;
    private volatile boolean tokensHang;
    private HttpServer server;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", this::answer);
        server.start();
    }

    @AfterEach
    void stop() {
        end.countDown();
        server.stop(0);
    }

    @Test
    void userDataIsReadWithASessionTokenThatServesSeveralRequests() throws Exception {
        put("/latest/user-data", "#cloud-config\n");
        put(MACS, "");
        MetadataService service = service(false);
        assertThat(Documents.text(service.read())).isEqualTo("#cloud-config\n");
        assertThat(service.nics()).isEmpty();
        assertThat(requests).containsExactly("PUT /latest/api/token", "GET /latest/user-data", "GET " + MACS);
    }

    @Test
    void aTokenThatIsNoLongerTakenIsReplaced() throws Exception {
        put("/latest/user-data", "x");
        MetadataService service = service(false);
        assertThat(service.read()).isEqualTo(bytes("x"));
        tokens.incrementAndGet(); // the service knows the old one no more
        assertThatThrownBy(service::read).hasMessageContaining("401");
        assertThat(service.read()).isEqualTo(bytes("x"));
    }

    @Test
    void versionOneIsNotUsedUnlessToldSo() {
        put("/latest/user-data", "x");
        versionOneToo = true;
        tokenStatus = 403;
        assertThatThrownBy(() -> service(false).read())
                .hasMessageContaining("403")
                .hasMessageContaining("token");
    }

    @Test
    void versionOneIsUsedWhenToldSoAndNoTokenIsToBeHad() throws Exception {
        put("/latest/user-data", "x");
        versionOneToo = true;
        tokenStatus = 404;
        assertThat(service(true).read()).isEqualTo(bytes("x"));
    }

    @Test
    void versionOneIsUsedWhenToldSoAndTheAnswerToThePutNeverComes() throws Exception {
        put("/latest/user-data", "x");
        versionOneToo = true;
        tokensHang = true;
        assertThat(service(true).read()).isEqualTo(bytes("x"));
    }

    @Test
    void anInstanceWithoutUserDataIsToldAtOnce() {
        assertThatThrownBy(() -> UserDataFetch.fetch(service(false), Duration.ofMinutes(5)))
                .isInstanceOf(MissingUserDataException.class);
    }

    @Test
    void whatIsTooLongIsNotRead() {
        values.put("/latest/user-data", new byte[UserData.MAX_BYTES + 1]);
        assertThatThrownBy(() -> service(false).read()).hasMessageContaining("longer than");
    }

    @Test
    void aCompressedDocumentIsUnpackedAndABombIsNot() throws Exception {
        assertThat(Documents.text(gzip(bytes("#cloud-config\n")))).isEqualTo("#cloud-config\n");
        byte[] bomb = gzip(new byte[64 << 20]);
        assertThat(bomb.length).isLessThan(UserData.MAX_BYTES);
        assertThatThrownBy(() -> Documents.text(bomb)).hasMessageContaining("longer than");
    }

    @Test
    void whatIsNotTextIsRefused() {
        assertThatThrownBy(() -> Documents.text(new byte[] {(byte) 0xff, (byte) 0xfe}))
                .hasMessageContaining("UTF-8");
    }

    @Test
    void theSourceIsAskedAgainUntilItAnswers() throws Exception {
        put("/latest/user-data", "late");
        tokenStatus = 503;
        Thread later = Thread.startVirtualThread(() -> {
            while (requests.size() < 3) {
                Thread.onSpinWait();
            }
            tokenStatus = 200;
        });
        assertThat(UserDataFetch.fetch(service(false), Duration.ofMinutes(1))).isEqualTo("late");
        later.join();
    }

    @Test
    void atTheDeadlineTheLastFailureIsTold() {
        tokenStatus = 503;
        assertThatThrownBy(() -> UserDataFetch.fetch(service(false), Duration.ofMillis(300)))
                .hasMessageContaining("no user-data from the metadata service http://127.0.0.1:")
                .hasMessageContaining("503");
    }

    @Test
    void nicsComeByDeviceNumber() throws Exception {
        String first = "02:00:00:00:00:01";
        String second = "02:00:00:00:00:02";
        put(MACS, second + "/\n" + first + "/");
        nic(first, "0", "10.0.1.5\n10.0.1.6", "10.0.1.0/24");
        nic(second, "1", "10.0.2.9", "10.0.2.0/24");
        assertThat(service(false).nics())
                .containsExactly(
                        new MetadataNic(first, 0, List.of("10.0.1.5", "10.0.1.6"), "10.0.1.0/24"),
                        new MetadataNic(second, 1, List.of("10.0.2.9"), "10.0.2.0/24"));
    }

    @Test
    void aNicThatCannotBeIsRefused() {
        put(MACS, "../../user-data");
        assertThatThrownBy(() -> service(false).nics()).hasMessageContaining("cannot be");
        put(MACS, "02:00:00:00:00:01/");
        put(MACS + "02:00:00:00:00:01/device-number", "first");
        assertThatThrownBy(() -> service(false).nics()).hasMessageContaining("device number");
    }

    @Test
    void aNoCloudDirectoryAndAPlainFileAreRead(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("user-data");
        FileUserData noCloud = new FileUserData(directory);
        assertThat(noCloud.isThere()).isFalse();
        Files.writeString(file, "#cloud-config\n");
        assertThat(noCloud.isThere()).isTrue();
        assertThat(UserDataFetch.fetch(noCloud, Duration.ZERO)).isEqualTo("#cloud-config\n");
        assertThat(UserDataFetch.fetch(new FileUserData(file), Duration.ZERO)).isEqualTo("#cloud-config\n");
    }

    private MetadataService service(boolean versionOne) {
        URI url = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
        return new MetadataService(url, versionOne, Duration.ofSeconds(tokensHang ? 1 : 30));
    }

    private void nic(String mac, String device, String addresses, String subnet) {
        put(MACS + mac + "/device-number", device);
        put(MACS + mac + "/local-ipv4s", addresses);
        put(MACS + mac + "/subnet-ipv4-cidr-block", subnet);
    }

    private void put(String path, String value) {
        values.put(path, bytes(value));
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        requests.add(exchange.getRequestMethod() + " " + path);
        String token = exchange.getRequestHeaders().getFirst("X-aws-ec2-metadata-token");
        if (path.equals("/latest/api/token")) {
            boolean asEc2 = exchange.getRequestMethod().equals("PUT")
                    && exchange.getRequestHeaders().getFirst("X-aws-ec2-metadata-token-ttl-seconds") != null;
            if (tokensHang) {
                await();
            }
            send(exchange, asEc2 ? tokenStatus : 400, bytes("token" + tokens.get()));
        } else if (!("token" + tokens.get()).equals(token) && !(versionOneToo && token == null)) {
            send(exchange, 401, new byte[0]);
        } else if (values.containsKey(path)) {
            send(exchange, 200, values.get(path));
        } else {
            send(exchange, 404, bytes("<html>not found</html>"));
        }
    }

    private void await() {
        try {
            end.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private static byte[] gzip(byte[] plain) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(plain);
        }
        return bytes.toByteArray();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
