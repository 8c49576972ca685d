package io.peerpods.bench.aws;

/** Somebody who launches and deletes the VMs of pods. */
interface Contender extends AutoCloseable {

    String name();

    /** Launches until the VM is accepted; returns its instance id. Tries again where its world would. */
    String launch(int pod) throws Exception;

    /** Waits, as it would, until the agent port is open. */
    void connect(String instance, StandIns agents) throws Exception;

    void delete(int pod, String instance) throws Exception;

    @Override
    void close();
}
