package io.peerpods.linux.op;

/** Is told after each journal write and each op, so that a test can crash exactly there. */
@FunctionalInterface
public interface Steps {

    /** Does nothing. */
    Steps NONE = name -> {};

    /** The named thing has just been done and is durable. What this throws ends the run there, as a crash would. */
    void step(String name);
}
