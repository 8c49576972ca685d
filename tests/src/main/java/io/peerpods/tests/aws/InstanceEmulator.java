package io.peerpods.tests.aws;

import io.peerpods.vpc.LocalVpc;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.vm.VmImage;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Instance;

/**
 * Keeps the VMs of a local VPC as the instances of an account: an instance that was launched starts, an interface that was attached
 * is plugged in, an instance that was terminated stops. The VPC has no other VMs.
 */
final class InstanceEmulator implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(InstanceEmulator.class);
    private static final Duration PAUSE = Duration.ofMillis(500);

    private final Account account;
    private final LocalVpc vpc;
    private final InstanceVm vms;
    private final Set<String> failed = new HashSet<>();
    private final Semaphore told = new Semaphore(0);
    private final Thread thread;

    private InstanceEmulator(Ec2Client ec2, LocalVpc vpc, InstanceVm vms) {
        this.account = new Account(ec2);
        this.vpc = vpc;
        this.vms = vms;
        this.thread = Thread.ofPlatform().daemon().name("instance-watch").unstarted(this::run);
    }

    /** @param subnets the ids of the VPC's subnets, in their order there */
    static InstanceEmulator start(Ec2Client ec2, LocalVpc vpc, VmImage image, List<String> subnets) {
        InstanceEmulator watch = new InstanceEmulator(ec2, vpc, new InstanceVm(ec2, image, subnets));
        watch.thread.start();
        return watch;
    }

    /** Something has changed: there is no need to wait for the next look. */
    void lookNow() {
        told.release();
    }

    private void run() {
        try {
            while (true) {
                look();
                told.tryAcquire(PAUSE.toMillis(), TimeUnit.MILLISECONDS);
                told.drainPermits();
            }
        } catch (InterruptedException e) {
            LOG.debug("no longer watched");
        }
    }

    private void look() throws InterruptedException {
        try {
            Map<String, Instance> instances =
                    account.instances().stream().collect(Collectors.toMap(Instance::instanceId, Function.identity()));
            for (Vm vm : vpc.vms()) {
                if (!instances.containsKey(vm.id())) {
                    vpc.stopVm(vm.id());
                }
            }
            for (Instance instance : instances.values()) {
                follow(instance);
            }
        } catch (SdkException e) {
            stopIfInterrupted();
            LOG.warn("the instances are looked at again: {}", e.toString());
        }
    }

    /** An instance that cannot start stays without a VM: the waiter reports it. */
    private void follow(Instance instance) throws InterruptedException {
        String id = instance.instanceId();
        if (failed.contains(id)) {
            return;
        }
        try {
            Vm vm = vpc.vm(id).filter(Vm::booted).orElseGet(() -> vpc.startVm(vms.request(instance)));
            vms.nics(instance).stream().skip(vm.nics().size()).forEach(nic -> vpc.attachNic(id, nic));
        } catch (SdkException e) {
            throw e;
        } catch (RuntimeException e) {
            stopIfInterrupted();
            failed.add(id);
            LOG.error("instance {} has no VM in {}", id, vpc.directory(), e);
        }
    }

    private static void stopIfInterrupted() throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException("the watch ends");
        }
    }

    @Override
    public void close() {
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
