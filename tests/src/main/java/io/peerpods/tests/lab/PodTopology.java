package io.peerpods.tests.lab;

import io.peerpods.linux.MacAddress;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;

/**
 * A pod on its VM and what is around it.
 *
 * @param worker the node that the pod was scheduled to
 * @param onWorker the pod's namespace there, as its CNI made it
 * @param vm the VM's own namespace
 * @param inVm the pod's namespace in the VM
 * @param secondary the address of the VM's second NIC, when it has one
 * @param vni of the pod's tunnel
 * @param patience seconds that an answer is waited for
 * @param shell runs programs in the pod
 */
public record PodTopology(
        Cluster cluster,
        PodConnection setting,
        Place worker,
        Place onWorker,
        Place vm,
        Place inVm,
        InetAddress podAddress,
        MacAddress podMac,
        InetAddress vmAddress,
        Optional<InetAddress> secondary,
        int vni,
        int patience,
        Shell shell) {

    /** Seconds in which an answer comes on any machine. */
    static final int PATIENCE = 5;

    /** Runs a program where the pod's containers run. */
    @FunctionalInterface
    public interface Shell {
        Ran run(List<String> command);
    }

    public Ran inPod(String... command) {
        return shell.run(List.of(command));
    }

    /** One echo request from the pod. */
    public Ran pingFromPod(InetAddress to, String... options) {
        return shell.run(Probes.ping(to, patience, options));
    }

    /** One echo request to the pod. */
    public Ran pingToPod(Place from, String... options) {
        return from.run(Probes.ping(podAddress, patience, options).toArray(String[]::new));
    }

    /** The same scene for rows that are expected to fail. */
    public PodTopology impatient() {
        return new PodTopology(
                cluster, setting, worker, onWorker, vm, inVm, podAddress, podMac, vmAddress, secondary, vni, 1, shell);
    }
}
