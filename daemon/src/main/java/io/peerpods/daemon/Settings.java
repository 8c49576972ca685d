package io.peerpods.daemon;

import java.time.Duration;
import java.util.List;

/** The values of all settings at one start: flag beats environment beats default. Immutable. */
public interface Settings {

    String text(Setting setting);

    boolean on(Setting setting);

    int number(Setting setting);

    Duration duration(Setting setting);

    List<String> list(Setting setting);

    /**
     * Whether flag or environment gave a value, be it the default's own.
     *
     * @throws IllegalArgumentException when the ConfigMap's template sets the key to a default that is not empty: a user of the
     *     template would give a value without intent
     */
    boolean isGiven(Setting setting);
}
