package io.peerpods.cloud;

import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Settings;
import java.util.List;

/** A kind of cloud that the adaptor can be started with: its name, its settings, and how it is opened. */
public interface CloudProviderType {

    /** The first argument of the adaptor's command line. */
    String name();

    /** One line for the help text. */
    String summary();

    /** The settings that this provider adds to the adaptor's. */
    List<Setting> settings();

    /**
     * Opens the provider without a call to the cloud, which may be out of reach: what only the cloud can judge is looked at in the
     * background and told by {@link CloudProvider#problems}.
     *
     * @throws CloudException when the settings cannot work whatever the cloud says; the message names the setting and the way out
     */
    CloudProvider open(Settings settings, Worker worker) throws CloudException, InterruptedException;
}
