package io.peerpods.cloud.aws.ec2;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.Outcome;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ec2.Ec2Client;

/** Makes the client when it is first needed: the region may have to be asked for, and files to be read. Thread-safe. */
public final class Ec2ClientSource implements AutoCloseable {

    /** Makes a client. */
    public interface Making {
        Ec2Client make() throws CloudException;
    }

    private final Making making;
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable Ec2Client client;

    public Ec2ClientSource(Making making) {
        this.making = making;
    }

    /**
     * The client. A failure is not remembered.
     *
     * @throws CloudException naming the setting that keeps it from being made
     */
    Ec2Client get() throws CloudException, InterruptedException {
        lock.lockInterruptibly();
        try {
            if (client == null) {
                client = making.make();
            }
            return client;
        } catch (SdkException | IllegalArgumentException e) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE, "no EC2 client: " + e.getMessage() + "; see AWS_REGION and AWS_ENDPOINT_URL", e);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            if (client != null) {
                client.close();
            }
        } finally {
            lock.unlock();
        }
    }
}
