package io.peerpods.cloud.aws.ec2world;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.util.Optional;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.localstack.LocalStackContainer;
import org.testcontainers.utility.DockerImageName;

/** LocalStack in a container. The image is never pulled: LOCALSTACK_IMAGE names one that the Docker engine has. */
final class LocalStack implements Ec2BackEnd {

    private static final String IMAGE =
            Optional.ofNullable(System.getenv("LOCALSTACK_IMAGE")).orElse("localstack/localstack:latest");

    private final LocalStackContainer container;

    private LocalStack(LocalStackContainer container) {
        this.container = container;
    }

    /** Why there is none, or empty when there is. */
    static Optional<String> missing() {
        try {
            if (!DockerClientFactory.instance().isDockerAvailable()) {
                return Optional.of("no Docker engine");
            }
            DockerClientFactory.instance().client().inspectImageCmd(IMAGE).exec();
            return Optional.empty();
        } catch (RuntimeException e) {
            return Optional.of("the Docker engine has no image " + IMAGE + " (LOCALSTACK_IMAGE)");
        }
    }

    static LocalStack start() {
        DockerImageName image = DockerImageName.parse(IMAGE).asCompatibleSubstituteFor("localstack/localstack");
        LocalStackContainer container = new LocalStackContainer(image).withServices("ec2");
        container.start();
        return new LocalStack(container);
    }

    @Override
    public URI endpoint() {
        return container.getEndpoint();
    }

    @Override
    public String image() {
        return "ami-04681a1dbd79675a5";
    }

    @Override
    public void reset() throws IOException {
        HttpURLConnection connection = (HttpURLConnection)
                endpoint().resolve("/_localstack/state/reset").toURL().openConnection();
        connection.setRequestMethod("POST");
        int status = connection.getResponseCode();
        connection.disconnect();
        if (status >= 300) {
            throw new IOException("LocalStack: reset answered HTTP " + status);
        }
    }

    @Override
    public void close() {
        container.stop();
    }
}
