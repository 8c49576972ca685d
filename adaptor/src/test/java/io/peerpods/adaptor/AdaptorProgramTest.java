package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.cloud.aws.AwsType;
import io.peerpods.cloud.local.LocalType;
import io.peerpods.daemon.FailureText;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AdaptorProgramTest {

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final AdaptorProgram program = new AdaptorProgram(
            List.of(new AwsType(), new LocalType(), new TestCloudType()),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));

    private String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }

    @Test
    void versionAndHelpArePrinted() {
        assertThat(program.run(List.of("version"), Map.of())).isZero();
        assertThat(program.run(List.of("help"), Map.of())).isZero();
        assertThat(out()).startsWith("adaptor ").contains("usage: adaptor <provider> [flags]", "aws", "local");
    }

    @Test
    void theHelpOfAProviderListsItsFlagsAndNoSecret() {
        assertThat(program.run(List.of("help", "aws"), Map.of("AWS_SECRET_ACCESS_KEY", "s3cr3t")))
                .isZero();
        assertThat(program.run(List.of("aws", "-help"), Map.of("AWS_SECRET_ACCESS_KEY", "s3cr3t")))
                .isZero();
        assertThat(out())
                .contains(
                        "-vxlan-port <whole number>",
                        "-aws-secret-key <text>",
                        "environment AWS_SECRET_ACCESS_KEY, secret")
                .doesNotContain("s3cr3t");
    }

    @Test
    void withoutAKnownProviderThereIsTheUsage() {
        assertThat(program.run(List.of(), Map.of())).isEqualTo(1);
        assertThat(program.run(List.of("-vxlan-port=1"), Map.of())).isEqualTo(1);
        assertThat(program.run(List.of("ibmcloud"), Map.of())).isEqualTo(1);
        assertThat(program.run(List.of(), Map.of("CLOUD_PROVIDER", "gcp"))).isEqualTo(1);
        assertThat(err())
                .contains(
                        "name a provider, or set CLOUD_PROVIDER",
                        "no provider \"ibmcloud\"",
                        "no provider \"gcp\"",
                        "usage:");
    }

    @Test
    void aBadValueIsOneLine() {
        assertThat(program.run(List.of("aws"), Map.of("PROXY_TIMEOUT", "10"))).isEqualTo(1);
        assertThat(err())
                .hasLineCount(1)
                .startsWith("adaptor: -proxy-timeout (PROXY_TIMEOUT): \"10\" is not a duration");
    }

    @Test
    void theProviderMayComeFromTheEnvironment() {
        assertThat(program.run(List.of("-check"), Map.of("CLOUD_PROVIDER", "test")))
                .isZero();
        assertThat(out()).isEqualTo("OK        image test-1: looked at for check\n");
    }

    @Test
    void theProvidersNameMayEndInALineEnd() {
        assertThat(program.run(List.of("-check"), Map.of("CLOUD_PROVIDER", " test\n")))
                .isZero();
    }

    @Test
    void aBadRegionIsOneSentence() {
        for (String region : List.of("eu west 1", "../x", "eu-west-1\nx")) {
            out.reset();
            Map<String, String> environment = Map.of("AWS_REGION", region, "PODVM_AMI_ID", "ami-1", "NODE_NAME", "n");
            assertThat(program.run(List.of("aws", "-check"), environment)).isEqualTo(1);
            assertThat(out() + err())
                    .hasLineCount(1)
                    .contains("-aws-region (AWS_REGION) is \"" + region.replace("\n", "; ") + "\": it must be")
                    .doesNotContain("\tat ");
        }
    }

    @Test
    void aFailureThatIsNotForeseenIsOneLineWithoutATrace() {
        PrintStream before = System.err;
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            assertThat(program.run(List.of("test", "-check", "-test-finding=LOUD"), Map.of()))
                    .isEqualTo(1);
        } finally {
            System.setErr(before);
        }
        assertThat(err())
                .hasLineCount(1)
                .startsWith("adaptor: unexpected java.lang.IllegalArgumentException: No enum constant")
                .contains("-log-level (LOG_LEVEL) debug")
                .doesNotContain("\tat ");
    }

    @Test
    void aThreadThatEndsByAFailureIsOneLineInTheLog() throws Exception {
        PrintStream before = System.err;
        Thread.UncaughtExceptionHandler handler = Thread.getDefaultUncaughtExceptionHandler();
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            FailureText.takeUncaught();
            Thread thread = Thread.ofPlatform().name("some-work").start(() -> {
                throw new IllegalStateException("first\nsecond");
            });
            thread.join();
        } finally {
            System.setErr(before);
            Thread.setDefaultUncaughtExceptionHandler(handler);
        }
        assertThat(err())
                .hasLineCount(1)
                .contains("thread some-work ended: unexpected java.lang.IllegalStateException: first; second")
                .doesNotContain("\tat ");
    }

    @Test
    void aCheckThatFindsAnErrorFails() {
        assertThat(program.run(List.of("test", "-check", "-test-finding=ERROR"), Map.of()))
                .isEqualTo(1);
        assertThat(program.run(List.of("test", "--check", "-test-finding=WARNING"), Map.of()))
                .isZero();
        assertThat(out()).contains("ERROR     image test-1", "WARNING   image test-1");
    }
}
