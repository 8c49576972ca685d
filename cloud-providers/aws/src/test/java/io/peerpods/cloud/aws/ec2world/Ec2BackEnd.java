package io.peerpods.cloud.aws.ec2world;

import io.peerpods.ec2.faults.MotoServer;
import java.io.IOException;
import java.net.URI;

/** An EC2 emulator that runs. */
interface Ec2BackEnd extends AutoCloseable {

    URI endpoint();

    /** An x86-64 image in it. */
    String image();

    /** Forgets everything. */
    void reset() throws IOException;

    @Override
    void close() throws IOException;

    /** {@code moto_server}, which has to be installed. */
    record Moto(MotoServer server) implements Ec2BackEnd {

        @Override
        public URI endpoint() {
            return server.endpoint();
        }

        @Override
        public String image() {
            return MotoServer.IMAGE;
        }

        @Override
        public void reset() throws IOException {
            server.reset();
        }

        @Override
        public void close() throws IOException {
            server.close();
        }
    }
}
