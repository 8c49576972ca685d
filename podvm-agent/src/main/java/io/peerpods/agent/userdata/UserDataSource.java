package io.peerpods.agent.userdata;

import java.io.IOException;

/** A place that may hold this VM's user-data. */
public interface UserDataSource {

    /** What it is, for messages: {@code the metadata service http://169.254.169.254}. */
    String name();

    /**
     * The document as it is there now, once.
     *
     * @throws MissingUserDataException when the place answers and holds none: asking again will not help
     * @throws IOException when it cannot be read now; at boot it may be able to later
     */
    byte[] read() throws IOException;
}
