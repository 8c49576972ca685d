package io.peerpods.linux.op;

/**
 * What verify found.
 *
 * @param found what there is instead of what the op asks for, in words
 */
public record Difference(Op op, String found) {

    @Override
    public String toString() {
        return op.describe() + ": " + found;
    }
}
