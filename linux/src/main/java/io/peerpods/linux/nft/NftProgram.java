package io.peerpods.linux.nft;

import io.peerpods.linux.sys.Child;
import io.peerpods.linux.sys.Errno;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** The {@code nft} program, fed by its standard input. */
public final class NftProgram implements Nft {

    private static final Duration LIMIT = Duration.ofSeconds(20);

    // PATH of a daemon often lacks the sbin directories.
    private static final List<String> USUAL_PLACES = List.of("/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft");

    private final String program;

    /** The program of that path, or of that name in PATH. */
    public NftProgram(String program) {
        this.program = program;
    }

    /** The one in the usual places, else in PATH. */
    public static NftProgram find() {
        return new NftProgram(USUAL_PLACES.stream()
                .filter(place -> Files.isExecutable(Path.of(place)))
                .findFirst()
                .orElse("nft"));
    }

    @Override
    public void run(String script) {
        Child.Ended ended = Child.run(List.of(program, "-f", "-"), script, LIMIT);
        if (ended.errno() != 0) {
            String reason = Errno.name(ended.errno()) + " (" + Errno.meaning(ended.errno()) + ")";
            throw new NftException("cannot run " + program + ": " + reason
                    + (ended.errno() == Errno.ENOENT ? "; install the package nftables" : ""));
        }
        if (ended.timedOut()) {
            throw new NftException(program + " did not end within " + LIMIT.toSeconds() + " s and was killed");
        }
        if (ended.exit() != 0) {
            String said = ended.output().isBlank()
                    ? "exit status " + ended.exit()
                    : ended.output().strip();
            throw new NftException("nft refused the transaction: " + said);
        }
    }
}
