package io.peerpods.cloud.aws.ec2;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.aws.config.AwsConfig;
import java.net.URI;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProviderChain;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.auth.credentials.SystemPropertyCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.auth.StsWebIdentityTokenFileCredentialsProvider;

/**
 * The credentials of calls to EC2: the static keys of the settings, else the SDK's default chain in its usual order. The chain's call
 * to STS for a web identity (IRSA) is made by a client of ours, because the SDK's own reads no bundle of certificate authorities.
 */
final class Ec2Credentials {

    private static final Duration CALL = Duration.ofSeconds(20);

    private Ec2Credentials() {}

    /** @throws CloudException naming a variable of the environment that cannot be used */
    static AwsCredentialsProvider of(AwsConfig config, String region, Map<String, String> environment)
            throws CloudException {
        Optional<AwsConfig.StaticKeys> keys = config.keys();
        if (keys.isPresent()) {
            var k = keys.get();
            return StaticCredentialsProvider.create(
                    k.session().isEmpty()
                            ? AwsBasicCredentials.create(k.id(), k.secret())
                            : AwsSessionCredentials.create(k.id(), k.secret(), k.session()));
        }
        var usual = DefaultCredentialsProvider.builder();
        if (!config.profile().isEmpty()) {
            usual.profileName(config.profile());
        }
        String role = AwsHttp.value(environment, "AWS_ROLE_ARN");
        String tokenFile = AwsHttp.value(environment, "AWS_WEB_IDENTITY_TOKEN_FILE");
        if (role.isEmpty() || tokenFile.isEmpty()) {
            return usual.build();
        }
        return AwsCredentialsProviderChain.of(
                SystemPropertyCredentialsProvider.create(),
                EnvironmentVariableCredentialsProvider.create(),
                webIdentity(role, tokenFile, region, environment),
                usual.build());
    }

    private static AwsCredentialsProvider webIdentity(
            String role, String tokenFile, String region, Map<String, String> environment) throws CloudException {
        Path token;
        try {
            token = Path.of(tokenFile);
        } catch (InvalidPathException e) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE, "AWS_WEB_IDENTITY_TOKEN_FILE is not the name of a file: " + e.getReason(), e);
        }
        Optional<URI> endpoint = stsEndpoint(environment);
        URI target = endpoint.orElseGet(() -> URI.create("https://"
                + StsClient.serviceMetadata().endpointFor(Region.of(region)).toString()));
        var sts = StsClient.builder()
                .region(Region.of(region))
                .credentialsProvider(AnonymousCredentialsProvider.create())
                .httpClient(AwsHttp.client(target, environment, Ec2Clients.CONNECT, CALL))
                .overrideConfiguration(o -> o.apiCallTimeout(CALL));
        endpoint.ifPresent(sts::endpointOverride);
        String session = AwsHttp.value(environment, "AWS_ROLE_SESSION_NAME");
        return StsWebIdentityTokenFileCredentialsProvider.builder()
                .stsClient(sts.build())
                .roleArn(role)
                .roleSessionName(session.isEmpty() ? "peerpods-adaptor" : session)
                .webIdentityTokenFile(token)
                .build();
    }

    private static Optional<URI> stsEndpoint(Map<String, String> environment) throws CloudException {
        String variable = "AWS_ENDPOINT_URL_STS";
        String text = AwsHttp.value(environment, variable);
        if (text.isEmpty()) {
            return Optional.empty();
        }
        try {
            URI url = URI.create(text);
            if (url.getScheme() != null && url.getHost() != null) {
                return Optional.of(url);
            }
        } catch (IllegalArgumentException e) {
            // Said below.
        }
        throw new InvalidRequest(Outcome.NOT_DONE, variable + " is \"" + text + "\": it must be https://host[:port]");
    }
}
