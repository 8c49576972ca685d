package io.peerpods.cloud.aws.config;

import java.util.Locale;
import java.util.Optional;

/** How an instance is paid for. */
public enum CapacityType {
    ON_DEMAND,
    /** Cheaper; EC2 may take the instance back with two minutes' notice. */
    SPOT;

    /** The word that the operator writes. */
    public String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    public static Optional<CapacityType> of(String word) {
        for (CapacityType type : values()) {
            if (type.word().equals(word)) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }
}
