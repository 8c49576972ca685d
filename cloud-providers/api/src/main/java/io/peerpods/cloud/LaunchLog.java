package io.peerpods.cloud;

import java.util.Optional;

/**
 * The durable memory of one sandbox's launches: one text, written before each request with an effect, that survives a
 * crash of the adaptor. Only the provider knows what is in it.
 */
public interface LaunchLog {

    /** What was written last, or empty when no launch was ever tried. */
    Optional<String> last();

    /** Replaces the text. When this returns, the text is on disk. */
    void write(String text);
}
