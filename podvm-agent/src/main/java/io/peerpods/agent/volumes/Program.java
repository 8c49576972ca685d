package io.peerpods.agent.volumes;

import io.peerpods.linux.sys.Child;
import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.NativeThreads;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A program of the VM's image, such as {@code mkfs.ext4}, run to its end. */
final class Program {

    private static final Logger log = LoggerFactory.getLogger(Program.class);

    // PATH of a daemon often lacks the sbin directories.
    private static final List<String> PLACES = List.of("/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin");
    private static final int MOST_WORDS = 400;

    private Program() {}

    /** @throws VolumeException with the command and what it said, when it cannot be started, fails, or takes longer than the limit */
    static void run(Duration limit, String name, String... arguments) throws VolumeException {
        List<String> command = new ArrayList<>(List.of(found(name)));
        command.addAll(Arrays.asList(arguments));
        log.info("running {}", String.join(" ", command));
        Child.Ended ended = NativeThreads.callOnFreshThread("volume-" + name, () -> Child.run(command, "", limit));
        if (ended.errno() != 0) {
            throw new VolumeException("cannot run " + name + ": " + Errno.name(ended.errno())
                    + (ended.errno() == Errno.ENOENT ? "; the VM's image lacks it" : ""));
        }
        if (ended.timedOut()) {
            throw new VolumeException(name + " did not end within " + limit.toSeconds() + " s and was killed");
        }
        if (ended.exit() != 0) {
            throw new VolumeException(
                    String.join(" ", command) + " ended with " + ended.exit() + ": " + shortened(ended.output()));
        }
    }

    private static String found(String name) {
        return PLACES.stream()
                .map(place -> Path.of(place, name))
                .filter(Files::isExecutable)
                .map(Path::toString)
                .findFirst()
                .orElse(name);
    }

    private static String shortened(String said) {
        String line = said.strip().replaceAll("\\s+", " ");
        return line.length() <= MOST_WORDS ? line : line.substring(0, MOST_WORDS) + "...";
    }
}
