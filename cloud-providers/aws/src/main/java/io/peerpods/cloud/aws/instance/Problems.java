package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.Throttled;
import io.peerpods.cloud.CloudException.Unavailable;
import io.peerpods.cloud.Finding;
import io.peerpods.cloud.Finding.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What does not work among the things that a launch depends on: each is looked at, whatever is wrong with the others. */
public final class Problems {

    private final List<Finding> found = new ArrayList<>();
    private @Nullable CloudException first;

    /** A look at one thing. */
    interface Look<T> {
        T look() throws CloudException, InterruptedException;
    }

    /**
     * Looks at one thing.
     *
     * @return empty when it does not work
     * @throws CloudException when EC2 does not answer: then no other look has an answer either
     */
    <T> Optional<T> look(String what, Look<T> look) throws CloudException, InterruptedException {
        try {
            return Optional.of(look.look());
        } catch (Throttled | Unavailable e) {
            found.add(new Finding(Level.ERROR, "EC2", String.valueOf(e.getMessage())));
            throw e;
        } catch (CloudException e) {
            found.add(new Finding(Level.ERROR, what, String.valueOf(e.getMessage())));
            first = first == null ? e : first;
            return Optional.empty();
        }
    }

    /** @throws CloudException the first problem, when there is one */
    void report() throws CloudException {
        if (first != null) {
            throw first;
        }
    }

    List<Finding> found() {
        return List.copyOf(found);
    }
}
