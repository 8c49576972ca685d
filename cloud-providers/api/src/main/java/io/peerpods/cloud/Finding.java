package io.peerpods.cloud;

/**
 * One thing that a preflight check looked at.
 *
 * @param what the thing, such as {@code image ami-1}
 * @param detail what was found and, when it is bad, the way out
 */
public record Finding(Level level, String what, String detail) {

    /** How bad it is. */
    public enum Level {
        OK,
        /** Works, but not as the operator may think. */
        WARNING,
        /** Could not be looked at without having an effect. */
        UNCHECKED,
        /** No pod can start. */
        ERROR
    }
}
