package io.peerpods.cloud.aws.ec2;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.aws.config.AwsConfig;
import java.net.URI;
import java.time.Duration;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.ec2.Ec2Client;

/** Makes the SDK's client. */
public final class Ec2Clients {

    static final Duration CONNECT = Duration.ofSeconds(5);

    private Ec2Clients() {}

    /**
     * A client for one region that sends each call once: {@link Ec2Api} decides what is repeated. Every call ends within
     * the configured time. Proxy and certificate authorities come from the environment.
     *
     * @throws CloudException naming a variable of the environment that cannot be used
     */
    public static Ec2Client open(AwsConfig config, String region) throws CloudException {
        URI target = config.endpoint()
                .orElseGet(() -> URI.create("https://"
                        + Ec2Client.serviceMetadata()
                                .endpointFor(Region.of(region))
                                .toString()));
        var http = AwsHttp.client(target, System.getenv(), CONNECT, config.callTimeout());
        var builder = Ec2Client.builder()
                .region(Region.of(region))
                .credentialsProvider(Ec2Credentials.of(config, region, System.getenv()))
                .httpClient(http)
                .overrideConfiguration(
                        o -> o.apiCallTimeout(config.callTimeout().plus(CONNECT))
                                .apiCallAttemptTimeout(config.callTimeout())
                                .retryStrategy(DefaultRetryStrategy.doNotRetry()));
        config.endpoint().ifPresent(builder::endpointOverride);
        return builder.build();
    }
}
