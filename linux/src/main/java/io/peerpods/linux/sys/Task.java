package io.peerpods.linux.sys;

/** A piece of work with a result, which throws nothing checked but {@code X}. */
@FunctionalInterface
public interface Task<T, X extends Exception> {

    T run() throws X;
}
