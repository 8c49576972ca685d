package io.peerpods.bench.aws;

import java.util.Map;

/** What the pods want. */
enum Scenario {
    PLAIN("one interface, private addresses", false),
    TWO_NICS("two interfaces, private addresses", true),
    PUBLIC("one interface, public addresses", false);

    private final String words;
    private final boolean external;

    Scenario(String words, boolean external) {
        this.words = words;
        this.external = external;
    }

    String words() {
        return words;
    }

    boolean external() {
        return external;
    }

    Map<String, String> flags() {
        return this == PUBLIC ? Map.of("use-public-ip", "true") : Map.of();
    }
}
