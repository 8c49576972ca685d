package io.peerpods.bench.aws;

import io.peerpods.ec2.faults.MotoServer;
import java.net.URI;
import java.time.Duration;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceNetworkInterfaceSpecification;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.RunInstancesRequest;

/**
 * The call sequence of cloud-api-adaptor's aws provider, as a small reference: one call after the other, the SDK's own
 * retries (three attempts), its waiter's times without chance (0, 15, 45, 105 s), the kernel's times between connection
 * attempts (0, 1, 3, 7, 15, 31 s), and the kubelet, which creates a sandbox again ten seconds after it has failed.
 */
final class ExistingSystem implements Contender {

    private static final Duration KUBELET_PAUSE = Duration.ofSeconds(10);
    private static final int[] WAITER_SECONDS = {0, 15, 45, 105};
    private static final int[] CONNECT_SECONDS = {0, 1, 3, 7, 15, 31, 63, 127};

    private final Ec2Client ec2;
    private final Account account;
    private final Scenario scenario;

    ExistingSystem(URI endpoint, Account account, Scenario scenario) {
        this.ec2 = Account.client(endpoint);
        this.account = account;
        this.scenario = scenario;
    }

    @Override
    public String name() {
        return "existing system";
    }

    @Override
    public String launch(int pod) throws Exception {
        while (true) {
            try {
                return launchOnce();
            } catch (SdkException e) {
                Thread.sleep(KUBELET_PAUSE);
            }
        }
    }

    private String launchOnce() throws InterruptedException {
        var request = RunInstancesRequest.builder()
                .imageId(MotoServer.IMAGE)
                .instanceType("m6a.large")
                .minCount(1)
                .maxCount(1);
        if (scenario == Scenario.PUBLIC) {
            request.networkInterfaces(InstanceNetworkInterfaceSpecification.builder()
                    .deviceIndex(0)
                    .subnetId(account.subnet())
                    .groups(account.group())
                    .associatePublicIpAddress(true)
                    .deleteOnTermination(true)
                    .build());
        } else {
            request.subnetId(account.subnet()).securityGroupIds(account.group());
        }
        String id = ec2.runInstances(request.build()).instances().getFirst().instanceId();
        if (scenario == Scenario.PUBLIC) {
            waitUntilRunning(id);
            describe(id);
        }
        if (scenario == Scenario.TWO_NICS) {
            attachSecondary(id);
        }
        return id;
    }

    private void attachSecondary(String id) throws InterruptedException {
        String nic = ec2.createNetworkInterface(
                        r -> r.subnetId(account.subnet()).groups(account.group()))
                .networkInterface()
                .networkInterfaceId();
        waitUntilRunning(id);
        String attachment = ec2.attachNetworkInterface(
                        r -> r.networkInterfaceId(nic).instanceId(id).deviceIndex(1))
                .attachmentId();
        ec2.modifyNetworkInterfaceAttribute(r -> r.networkInterfaceId(nic)
                .attachment(a -> a.attachmentId(attachment).deleteOnTermination(true)));
    }

    private void waitUntilRunning(String id) throws InterruptedException {
        int waited = 0;
        for (int at : WAITER_SECONDS) {
            Thread.sleep(Duration.ofSeconds(at - waited));
            waited = at;
            if (describe(id).state().name() == InstanceStateName.RUNNING) {
                return;
            }
        }
    }

    private Instance describe(String id) {
        return ec2.describeInstances(r -> r.instanceIds(id))
                .reservations()
                .getFirst()
                .instances()
                .getFirst();
    }

    @Override
    public void connect(String instance, StandIns agents) throws Exception {
        int waited = 0;
        for (int at : CONNECT_SECONDS) {
            Thread.sleep(Duration.ofSeconds(at - waited));
            waited = at;
            if (agents.isOpen(instance)) {
                break;
            }
        }
        agents.connect(instance);
    }

    @Override
    public void delete(int pod, String instance) throws Exception {
        while (true) {
            try {
                ec2.describeAddresses();
                ec2.terminateInstances(r -> r.instanceIds(instance));
                return;
            } catch (SdkException e) {
                Thread.sleep(KUBELET_PAUSE);
            }
        }
    }

    @Override
    public void close() {
        ec2.close();
    }
}
