package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.peerpods.adaptor.store.Store;
import io.peerpods.daemon.BadSettingException;
import io.peerpods.testing.Programs;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against an API service that answers what the test says, over real TLS. */
class KubernetesApiTest {

    private static final String PASSWORD = "changeit";
    private static final String POD = "/api/v1/namespaces/default/pods/web-0";
    private static final InetAddress HERE = InetAddress.getLoopbackAddress();

    @TempDir
    static Path account;

    private final List<String> asked = new CopyOnWriteArrayList<>();
    private volatile Map<String, String> answers = Map.of();
    private volatile int status = 403;
    private Runnable whenAsked = () -> {};
    private HttpsServer server;
    private KubernetesApi api;

    @BeforeAll
    static void makeAccount() throws IOException {
        String keytool =
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
        String store = account.resolve("store.p12").toString();
        Programs.require(
                keytool,
                "-genkeypair",
                "-keystore",
                store,
                "-storepass",
                PASSWORD,
                "-alias",
                "api",
                "-keyalg",
                "EC",
                "-dname",
                "CN=api",
                "-ext",
                "san=ip:127.0.0.1");
        Programs.require(
                keytool,
                "-exportcert",
                "-rfc",
                "-keystore",
                store,
                "-storepass",
                PASSWORD,
                "-alias",
                "api",
                "-file",
                account.resolve("ca.crt").toString());
        Files.writeString(account.resolve("token"), "the-token\n");
    }

    @BeforeEach
    void open() throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(account.resolve("store.p12"))) {
            store.load(in, PASSWORD.toCharArray());
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(store, PASSWORD.toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        server = HttpsServer.create(new InetSocketAddress(HERE, 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        server.createContext("/", this::answer);
        server.start();
        api = new KubernetesApi(HERE, server.getAddress().getPort(), account);
    }

    @AfterEach
    void close() {
        server.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().toString();
        asked.add(exchange.getRequestHeaders().getFirst("Authorization") + " " + path);
        byte[] body = answers.getOrDefault(path, "").getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(body.length == 0 ? status : 200, body.length == 0 ? -1 : body.length);
        whenAsked.run();
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    @Test
    void aPodsUidIsAskedForWithTheAccountsToken() throws Exception {
        answers = Map.of(POD, "{\"metadata\":{\"name\":\"web-0\",\"uid\":\"1111-2222\"}}");
        assertThat(api.podUid("default", "web-0")).isEqualTo("1111-2222");
        assertThat(asked).containsExactly("Bearer the-token " + POD);
        assertThat(PodUidLookup.of(Optional.of(api)).of("default", "web-0")).contains("1111-2222");
    }

    @Test
    void theClustersIdIsTheUidOfKubeSystem() throws Exception {
        answers = Map.of("/api/v1/namespaces/kube-system", "{\"metadata\":{\"uid\":\"abc\"}}");
        assertThat(api.clusterUid()).isEqualTo("abc");
    }

    private String clusterId(Store store, Duration patience, String... flags) throws Exception {
        AdaptorConfig config =
                AdaptorConfig.of(SettingsTable.of(new TestCloudType()).parse(List.of(flags)));
        return new ClusterId(config, Optional.of(api), store, new Waiting(new CountDownLatch(1), () -> {}), patience)
                .get(false);
    }

    @Test
    void withoutAClusterIdTheStartIsRefusedWithTheRemedyWhenItMayNotBeRead(@TempDir Path state) throws Exception {
        try (Store store = Store.open(state, step -> {})) {
            assertThatThrownBy(() -> clusterId(store, Duration.ofMinutes(5)))
                    .isInstanceOf(BadSettingException.class)
                    .hasMessageContaining("403")
                    .hasMessageContaining("CLUSTER_ID")
                    .hasMessageContaining("`get` on namespaces");
            assertThat(clusterId(store, Duration.ZERO, "-cluster-id=mine")).isEqualTo("mine");
        }
    }

    @Test
    void anApiServiceThatIsDownForAShortTimeIsAskedAgain(@TempDir Path state) throws Exception {
        status = 503;
        whenAsked = () -> answers = Map.of("/api/v1/namespaces/kube-system", "{\"metadata\":{\"uid\":\"abc\"}}");
        try (Store store = Store.open(state, step -> {})) {
            assertThat(clusterId(store, Duration.ofMinutes(5))).isEqualTo("abc");
            assertThat(asked).hasSize(2);
        }
    }

    @Test
    void anApiServiceThatStaysDownRefusesTheStartWithTheRemedy(@TempDir Path state) throws Exception {
        status = 503;
        try (Store store = Store.open(state, step -> {})) {
            assertThatThrownBy(() -> clusterId(store, Duration.ZERO))
                    .isInstanceOf(BadSettingException.class)
                    .hasMessageContaining("503")
                    .hasMessageContaining("CLUSTER_ID");
        }
    }

    @Test
    void anIdThatWasLearntSinceTheBootServesWhileTheApiServiceIsDown(@TempDir Path state) throws Exception {
        answers = Map.of("/api/v1/namespaces/kube-system", "{\"metadata\":{\"uid\":\"abc\"}}");
        try (Store store = Store.open(state, step -> {})) {
            assertThat(clusterId(store, Duration.ZERO)).isEqualTo("abc");
        }
        server.stop(0);
        try (Store store = Store.open(state, step -> {})) {
            assertThat(clusterId(store, Duration.ZERO)).isEqualTo("abc");
            store.fact("cluster-id-boot", Optional.of("another boot"));
            assertThatThrownBy(() -> clusterId(store, Duration.ZERO)).hasMessageContaining("CLUSTER_ID");
        }
    }

    @Test
    void whatIsForbiddenIsNamedWithThePermissionThatIsMissing() {
        assertThatThrownBy(() -> api.podUid("default", "web-0"))
                .hasMessageContaining("403")
                .hasMessageContaining(POD)
                .hasMessageContaining("`get` on pods");
        assertThatThrownBy(() -> PodUidLookup.of(Optional.of(api)).of("default", "web-0"))
                .isInstanceOf(IOException.class);
    }

    @Test
    void anAnswerThatIsNoneAndAUidThatWouldBeAPathAreNotTaken() {
        for (String body : List.of(
                "[]",
                "{}",
                "{\"metadata\":{}}",
                "{\"metadata\":{\"uid\":\"\"}}",
                "{\"metadata\":{\"uid\":\"../x\"}}")) {
            answers = Map.of(POD, body);
            assertThatThrownBy(() -> api.podUid("default", "web-0")).as(body).isInstanceOf(IOException.class);
        }
    }

    @Test
    void aNameThatIsNoneIsNotPutIntoAPath() {
        for (String name : List.of("", "..", "../../nodes/x", "a/b", "web?watch=true", "Web")) {
            assertThatThrownBy(() -> api.podUid("default", name)).as(name).isInstanceOf(IOException.class);
            assertThatThrownBy(() -> api.podUid(name, "web")).as(name).isInstanceOf(IOException.class);
        }
        assertThat(asked).isEmpty();
    }

    @Test
    void outsideOfAPodNoUidIsKnown() throws Exception {
        assertThat(PodUidLookup.of(Optional.empty()).of("default", "web-0")).isEmpty();
        assertThat(PodUidLookup.of(Optional.of(new KubernetesApi(HERE, 1, account.resolve("none"))))
                        .of("default", "web-0"))
                .isEmpty();
    }
}
