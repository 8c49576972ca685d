package io.peerpods.agent.userdata;

import java.io.IOException;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks a source again and again while the VM's own network comes up, until a deadline. */
public final class UserDataFetch {

    private static final Logger log = LoggerFactory.getLogger(UserDataFetch.class);

    private static final Duration FIRST_PAUSE = Duration.ofMillis(20);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    private UserDataFetch() {}

    /**
     * The document's text.
     *
     * @throws IOException at the deadline, with the last failure, or at once when the source has no user-data
     */
    public static String fetch(UserDataSource source, Duration limit) throws IOException, InterruptedException {
        long end = System.nanoTime() + limit.toNanos();
        Duration pause = FIRST_PAUSE;
        String told = "";
        while (true) {
            try {
                return Documents.text(source.read());
            } catch (MissingUserDataException e) {
                throw e;
            } catch (IOException e) {
                if (System.nanoTime() + pause.toNanos() - end >= 0) {
                    throw new IOException(
                            "no user-data from " + source.name() + " within " + limit.toSeconds() + " s: " + reason(e),
                            e);
                }
                if (!reason(e).equals(told)) {
                    told = reason(e);
                    log.info("no user-data from {} yet: {}", source.name(), told);
                }
            }
            Thread.sleep(pause);
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
        }
    }

    private static String reason(IOException e) {
        String text = e.getMessage();
        return text == null || text.isBlank() ? e.getClass().getSimpleName() : text;
    }
}
