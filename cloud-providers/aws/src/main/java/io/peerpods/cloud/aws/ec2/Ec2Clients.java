package io.peerpods.cloud.aws.ec2;

import io.peerpods.cloud.aws.AwsConfig;
import java.time.Duration;
import java.util.Optional;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.ec2.Ec2Client;

/** Makes the SDK's client. */
public final class Ec2Clients {

    private static final Duration CONNECT = Duration.ofSeconds(5);

    private Ec2Clients() {}

    /**
     * A client for one region that sends each call once: {@link Ec2Api} decides what is repeated. Every call ends within
     * the configured time.
     */
    public static Ec2Client open(AwsConfig config, String region) {
        var http = UrlConnectionHttpClient.builder().connectionTimeout(CONNECT).socketTimeout(config.callTimeout());
        var builder = Ec2Client.builder()
                .region(Region.of(region))
                .credentialsProvider(credentials(config))
                .httpClientBuilder(http)
                .overrideConfiguration(
                        o -> o.apiCallTimeout(config.callTimeout().plus(CONNECT))
                                .apiCallAttemptTimeout(config.callTimeout())
                                .retryStrategy(DefaultRetryStrategy.doNotRetry()));
        config.endpoint().ifPresent(builder::endpointOverride);
        return builder.build();
    }

    private static AwsCredentialsProvider credentials(AwsConfig config) {
        Optional<AwsConfig.StaticKeys> keys = config.keys();
        if (keys.isPresent()) {
            var k = keys.get();
            return StaticCredentialsProvider.create(
                    k.session().isEmpty()
                            ? AwsBasicCredentials.create(k.id(), k.secret())
                            : AwsSessionCredentials.create(k.id(), k.secret(), k.session()));
        }
        var chain = DefaultCredentialsProvider.builder();
        if (!config.profile().isEmpty()) {
            chain.profileName(config.profile());
        }
        return chain.build();
    }
}
