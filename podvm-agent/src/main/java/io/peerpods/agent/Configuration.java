package io.peerpods.agent;

import io.peerpods.agent.userdata.FileUserData;
import io.peerpods.agent.userdata.MetadataService;
import io.peerpods.agent.userdata.UserDataFetch;
import io.peerpods.agent.userdata.UserDataSource;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.ConfigException;
import io.peerpods.config.userdata.Provisioning;
import io.peerpods.config.userdata.UserData;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings the agent's configuration in: user-data from its source onto the disk, and {@code apf.json} from the disk. */
final class Configuration {

    private static final Logger log = LoggerFactory.getLogger(Configuration.class);

    /** The product name that EC2 gives its machines. */
    private static final Path VENDOR = Path.of("/sys/class/dmi/id/sys_vendor");

    private static final String EC2 = "Amazon EC2";
    private static final int MAX_CONFIG = 1024 * 1024;
    private static final Duration POLL = Duration.ofMillis(100);

    private final AgentOptions options;
    private final @Nullable UserDataSource source;

    Configuration(AgentOptions options, MetadataService metadata) {
        this.options = options;
        this.source = source(options, metadata);
    }

    private static @Nullable UserDataSource source(AgentOptions options, MetadataService metadata) {
        return switch (options.userData()) {
            case "aws" -> metadata;
            case "none" -> null;
            case "auto" -> {
                FileUserData disk = new FileUserData(options.noCloudDirectory());
                yield disk.isThere() ? disk : isEc2() ? metadata : null;
            }
            default -> new FileUserData(Path.of(options.userData()));
        };
    }

    /** Whether the NICs are asked for at the metadata service. */
    boolean onAws() {
        return source instanceof MetadataService;
    }

    /**
     * The configuration, after everything that user-data brings is on the disk.
     *
     * @throws IOException when it does not come in time
     * @throws ConfigException when what came cannot be used
     */
    AgentConfig load() throws IOException, ConfigException, InterruptedException {
        if (source == null) {
            awaitFile();
        } else {
            provision(source);
        }
        return read();
    }

    private void provision(UserDataSource from) throws IOException, ConfigException, InterruptedException {
        String document;
        try {
            document = UserDataFetch.fetch(from, options.userDataTimeout());
        } catch (IOException e) {
            if (!Files.exists(options.config())) {
                throw e;
            }
            // The agent was started again: what was brought at boot is still good.
            log.warn("{}; going on with {}", e.getMessage(), options.config());
            return;
        }
        UserData userData = UserData.parse(document);
        if (!userData.refused().isEmpty()) {
            log.warn("user-data brings files that are not allowed, left out: {}", userData.refused());
        }
        List<String> written = Provisioning.write(userData, options.root());
        log.info("user-data from {}: wrote {}", from.name(), written);
    }

    private void awaitFile() throws IOException, InterruptedException {
        long end = System.nanoTime() + options.userDataTimeout().toNanos();
        while (!Files.exists(options.config())) {
            if (System.nanoTime() - end >= 0) {
                throw new IOException("no " + options.config() + " has come within "
                        + options.userDataTimeout().toSeconds()
                        + " s, and -user-data=" + options.userData() + " names no source that could bring it");
            }
            Thread.sleep(POLL);
        }
    }

    /** The configuration that is on the disk. */
    AgentConfig read() throws IOException, ConfigException {
        if (Files.size(options.config()) > MAX_CONFIG) {
            throw new ConfigException(options.config() + " is longer than " + MAX_CONFIG + " bytes");
        }
        return AgentConfig.parse(Files.readString(options.config(), StandardCharsets.UTF_8));
    }

    private static boolean isEc2() {
        try {
            return Files.readString(VENDOR).strip().equals(EC2);
        } catch (IOException noDmi) {
            return false;
        }
    }
}
