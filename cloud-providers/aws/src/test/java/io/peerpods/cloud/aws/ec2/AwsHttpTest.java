package io.peerpods.cloud.aws.ec2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.aws.AwsType;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.cloud.aws.ec2world.FlagSettings;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.SdkHttpFullRequest;
import software.amazon.awssdk.http.SdkHttpMethod;

/** With a TLS server whose certificate is of no public authority, and a proxy that knows CONNECT. */
final class AwsHttpTest {

    static {
        // As the launcher script does; the JDK reads it at the first connection of the process.
        System.setProperty("jdk.http.auth.tunneling.disabledSchemes", "");
    }

    private static final String PASSWORD = "changeit";
    private static final Duration TIME = Duration.ofMinutes(1);
    private static final String STS_ANSWER = """
            <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
            <Credentials><AccessKeyId>AKIAOFSTS</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
            <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
            </AssumeRoleWithWebIdentityResponse>""";

    private final List<String> proxySecretsAtServer = new CopyOnWriteArrayList<>();

    @TempDir
    Path directory;

    private HttpsServer server;
    private ConnectProxy proxy;
    private URI url;
    private Path bundle;

    @BeforeEach
    void start() throws Exception {
        Path store = directory.resolve("server.p12");
        Process keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-alias",
                        "ec2",
                        "-keyalg",
                        "EC",
                        "-dname",
                        "CN=ec2",
                        "-ext",
                        "SAN=dns:localhost",
                        "-storetype",
                        "PKCS12",
                        "-keystore",
                        store.toString(),
                        "-storepass",
                        PASSWORD)
                .redirectErrorStream(true)
                .start();
        assertThat(new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .doesNotContain("error");
        assertThat(keytool.waitFor()).isZero();
        KeyStore keys = KeyStore.getInstance(store.toFile(), PASSWORD.toCharArray());
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(keys, PASSWORD.toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(factory.getKeyManagers(), null, null);
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 16);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        server.createContext("/", exchange -> {
            try (exchange) {
                proxySecretsAtServer.addAll(
                        exchange.getRequestHeaders().getOrDefault("Proxy-Authorization", List.of()));
                if (exchange.getRequestMethod().equals("POST")) {
                    byte[] answer = STS_ANSWER.getBytes(StandardCharsets.UTF_8);
                    exchange.getResponseHeaders().set("Content-Type", "text/xml");
                    exchange.sendResponseHeaders(200, answer.length);
                    exchange.getResponseBody().write(answer);
                    return;
                }
                exchange.sendResponseHeaders(204, -1);
            }
        });
        server.start();
        url = URI.create("https://localhost:" + server.getAddress().getPort());
        bundle = Files.writeString(
                directory.resolve("ca.pem"),
                "# the authority of this test\n-----BEGIN CERTIFICATE-----\n"
                        + Base64.getMimeEncoder()
                                .encodeToString(keys.getCertificate("ec2").getEncoded())
                        + "\n-----END CERTIFICATE-----\n");
        proxy = ConnectProxy.start();
    }

    @AfterEach
    void stop() throws Exception {
        server.stop(0);
        proxy.close();
    }

    private int call(Map<String, String> environment) throws Exception {
        try (var client = AwsHttp.client(url, environment, TIME, TIME)) {
            var request = SdkHttpFullRequest.builder()
                    .method(SdkHttpMethod.GET)
                    .uri(url)
                    .build();
            return client.prepareRequest(
                            HttpExecuteRequest.builder().request(request).build())
                    .call()
                    .httpResponse()
                    .statusCode();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"HTTPS_PROXY", "https_proxy"})
    void callsGoThroughTheProxy(String variable) throws Exception {
        assertThat(call(Map.of(variable, proxy.url() + "\n", "AWS_CA_BUNDLE", bundle.toString())))
                .isEqualTo(204);
        assertThat(proxy.asked()).containsExactly("localhost:" + url.getPort());
    }

    @Test
    void aProxyWithoutASchemeIsTaken() throws Exception {
        String address = proxy.url().substring("http://".length());
        assertThat(call(Map.of("HTTPS_PROXY", address, "AWS_CA_BUNDLE", bundle.toString())))
                .isEqualTo(204);
        assertThat(proxy.asked()).hasSize(1);
    }

    @Test
    void theProxyOfPlainHttpIsNotUsedForTls() throws Exception {
        assertThat(call(Map.of("HTTP_PROXY", proxy.url(), "AWS_CA_BUNDLE", bundle.toString())))
                .isEqualTo(204);
        assertThat(proxy.asked()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"NO_PROXY", "no_proxy"})
    void hostsOfNoProxyAreReachedDirectly(String variable) throws Exception {
        assertThat(call(Map.of(
                        "HTTPS_PROXY",
                        proxy.url(),
                        variable,
                        "10.0.0.1, localhost",
                        "SSL_CERT_FILE",
                        bundle.toString())))
                .isEqualTo(204);
        assertThat(proxy.asked()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "*, true",
        "'', false",
        "amazonaws.com, true",
        ".amazonaws.com, true",
        "ec2.eu-central-1.amazonaws.com:443, true",
        "ec2.eu-central-1.amazonaws.com:8443, false",
        "azonaws.com, false",
        "EC2.EU-central-1.amazonaws.com, true"
    })
    void noProxyIsReadAsTheAwsCliReadsIt(String noProxy, boolean direct) {
        assertThat(AwsHttp.isDirect(URI.create("https://ec2.eu-central-1.amazonaws.com:443"), noProxy))
                .isEqualTo(direct);
    }

    @Test
    void aProxyMayAskForAPassword() throws Exception {
        proxy.requires("Basic " + Base64.getEncoder().encodeToString("us:p@ss".getBytes(StandardCharsets.UTF_8)));
        String with = proxy.url().replace("http://", "http://us:p%40ss@");
        assertThat(call(Map.of("HTTPS_PROXY", with, "AWS_CA_BUNDLE", bundle.toString())))
                .isEqualTo(204);
        assertThat(proxySecretsAtServer).isEmpty();
    }

    @Test
    void aWrongPasswordOfTheProxyIsInNoError() {
        proxy.requires("Basic another");
        String with = proxy.url().replace("http://", "http://us:s3cr3t@");
        assertThatThrownBy(() -> call(Map.of("HTTPS_PROXY", with, "AWS_CA_BUNDLE", bundle.toString())))
                .hasStackTraceContaining("407")
                .satisfies(e -> assertThat(stackTrace(e)).doesNotContain("s3cr3t"));
    }

    private static String stackTrace(Throwable e) {
        StringWriter text = new StringWriter();
        e.printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    @Test
    void anEmptyVariableInLowerCaseSwitchesTheProxyOff() throws Exception {
        assertThat(call(Map.of("HTTPS_PROXY", proxy.url(), "https_proxy", "", "AWS_CA_BUNDLE", bundle.toString())))
                .isEqualTo(204);
        assertThat(proxy.asked()).isEmpty();
    }

    @Test
    void theCredentialsOfAWebIdentityComeThroughTheProxy() throws Exception {
        Path token = Files.writeString(directory.resolve("token"), "a.web.identity");
        AwsConfig config = AwsConfig.of(new FlagSettings(new AwsType().settings(), Map.of("imageid", "ami-1")));
        var credentials = Ec2Credentials.of(
                config,
                "eu-central-1",
                Map.of(
                        "AWS_ROLE_ARN",
                        "arn:aws:iam::123456789012:role/peerpods",
                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                        token.toString(),
                        "AWS_ENDPOINT_URL_STS",
                        url.toString(),
                        "HTTPS_PROXY",
                        proxy.url(),
                        "AWS_CA_BUNDLE",
                        bundle.toString()));
        assertThat(credentials.resolveCredentials().accessKeyId()).isEqualTo("AKIAOFSTS");
        assertThat(proxy.asked()).containsExactly("localhost:" + url.getPort());
    }

    @Test
    void anAuthorityThatIsInNoBundleIsNotTrusted() {
        assertThatThrownBy(() -> call(Map.of())).isInstanceOf(SSLException.class);
    }

    @Test
    void theBundleOfAwsComesBeforeTheSystems() throws Exception {
        assertThat(call(Map.of("AWS_CA_BUNDLE", bundle.toString(), "SSL_CERT_FILE", "/no/such/file")))
                .isEqualTo(204);
    }

    @ParameterizedTest
    @ValueSource(strings = {"AWS_CA_BUNDLE", "SSL_CERT_FILE"})
    void aBundleThatCannotBeReadIsNamed(String variable) throws Exception {
        Path empty = Files.writeString(directory.resolve("empty.pem"), "");
        Path wrong = Files.writeString(directory.resolve("wrong.pem"), "nothing of the kind");
        for (String file : new String[] {"/no/such/file", empty.toString(), wrong.toString(), directory.toString()}) {
            assertThatThrownBy(() -> AwsHttp.client(url, Map.of(variable, file), TIME, TIME))
                    .isInstanceOf(CloudException.InvalidRequest.class)
                    .hasMessageStartingWith(variable + " is \"" + file + "\": it must be a file of certificates");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://us:s3cr3t@proxy:1", "socks5://us:s3cr3t@proxy", "http://us:s3cr3t@pro xy"})
    void aBadProxyIsNamedWithoutItsPassword(String value) {
        assertThatThrownBy(() -> AwsHttp.client(url, Map.of("HTTPS_PROXY", value), TIME, TIME))
                .isInstanceOf(CloudException.InvalidRequest.class)
                .hasMessageStartingWith("HTTPS_PROXY is not the URL of a proxy")
                .hasMessageNotContaining("s3cr3t");
    }
}
