package io.peerpods.vpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.vpc.model.NicRequest;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.vm.VmImage;
import io.peerpods.vpc.vm.VmRequest;
import io.peerpods.vpc.vm.VmService;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

@NeedsRoot
@NeedsProgram({"ip", "nft", "ping", "unshare", "nsenter"})
class VmTest {

    @Test
    void aVmHasItsOwnHostNameRunProcAndNics() throws Exception {
        try (TestVpc test = TestVpc.asEc2()) {
            Vm vm = test.vm("one");
            assertThat(vm.booted()).isTrue();
            assertThat(test.inVm("one", "hostname").strip()).isEqualTo("one");
            assertThat(test.inVm("one", "ls", "-A", "/run", "/tmp").strip()).isEqualTo("/run:\n\n/tmp:");
            assertThat(test.inVm("one", "ps", "ax").lines().count()).isLessThan(6);
            assertThat(test.inVm("one", "ls", "/sys/class/net").split("\\s+")).contains("ens5", "ens6", "lo");
            assertThat(test.inVm("one", "cat", "/etc/hosts")).contains("127.0.1.1 one");
            assertThat(test.inVm("one", "ip", "-o", "-4", "addr"))
                    .contains(vm.primary().address() + " ");
            assertThat(test.inVm("one", "ip", "route"))
                    .contains("default via 10.10.254.1 dev ens5 proto dhcp metric 100")
                    .contains("default via 10.20.0.1 dev ens6 proto dhcp metric 200");
            assertThat(vm.primary().mac().toString()).startsWith("06:");
        }
    }

    @Test
    void mountsInAVmAreNotSeenOutside() throws Exception {
        try (TestVpc test = TestVpc.asEc2()) {
            test.vm("one");
            test.inVm("one", "mkdir", "/run/netns-of-pod");
            test.inVm("one", "ip", "netns", "add", "podns");
            assertThat(Path.of("/run/netns/podns")).doesNotExist();
            assertThat(Path.of("/run/netns-of-pod")).doesNotExist();
            test.inVm("one", "ip", "link", "set", "ens6", "netns", "podns");
        }
    }

    @Test
    void programsOfTheImageStartAndTheirOrphansAreReaped() throws Exception {
        try (TestVpc test = TestVpc.asEc2()) {
            VmImage image = new VmImage(List.of(VmService.of(
                    "greeter", "/bin/sh", "-c", "echo hello from $(hostname); (sleep 0.05 &) ; exec sleep infinity")));
            Vm vm = test.vpc.startVm(VmRequest.of("one", "", image, 0));
            TestVpc.await("the console has the greeting", () -> console(vm).contains("hello from one"));
            TestVpc.await("no zombie is left", () -> !processes(test).contains("defunct"));
        }
    }

    private static String processes(TestVpc test) {
        try {
            return test.inVm("one", "ps", "ax");
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static String console(Vm vm) {
        try {
            return Files.readString(vm.console("greeter"));
        } catch (java.io.IOException e) {
            return "";
        }
    }

    @Test
    void filesOfProgramsBelowTmpAndRunAreAtTheirPlacesInTheVm() throws Exception {
        Path hidden = Files.createTempDirectory("with blank ");
        try (TestVpc test = TestVpc.asEc2()) {
            Path program = Files.writeString(hidden.resolve("program"), "#!/bin/sh\necho started from $0\n");
            Files.setAttribute(program, "unix:mode", 0755);
            VmImage image = new VmImage(List.of(
                    new VmService("greeter", List.of(program.toString()), java.util.Map.of(), List.of(program))));
            Vm vm = test.vpc.startVm(VmRequest.of("one", "", image, 0));
            TestVpc.await("it ran", () -> console(vm).contains("started from " + program));
        } finally {
            Files.delete(hidden.resolve("program"));
            Files.delete(hidden);
        }
    }

    @Test
    void startingAgainReturnsTheSameVmAndStoppingTwiceIsFine() {
        try (TestVpc test = TestVpc.asEc2()) {
            Vm vm = test.vm("one");
            assertThat(test.vm("one")).isEqualTo(vm);
            assertThat(test.vpc.isRunning("one")).isTrue();
            assertThat(test.vpc.vms()).containsExactly(vm);
            test.vpc.stopVm("one");
            assertThat(test.vpc.isRunning("one")).isFalse();
            assertThat(vm.namespace()).doesNotExist();
            assertThat(vm.directory()).doesNotExist();
            assertThat(test.vpc.vms()).isEmpty();
            test.vpc.stopVm("one");
            test.vpc.stopVm("never-was");
        }
    }

    @Test
    void stoppingEndsWhatTheVmMadeInNamespacesOfItsOwn() throws Exception {
        try (TestVpc test = TestVpc.asEc2()) {
            test.vm("one");
            test.inVm("one", "ip", "netns", "add", "podns");
            test.inVm("one", "ip", "link", "set", "ens6", "netns", "podns");
            Process inside = test.vpc.execInVm("one", "ip", "netns", "exec", "podns", "sleep", "infinity");
            test.vpc.stopVm("one");
            assertThat(inside.waitFor()).isNotZero();
            assertThat(test.require(test.vpc.vpcNamespace(), "ip", "-o", "link"))
                    .doesNotContain("v0n");
        }
    }

    @Test
    void twoVmsStartAtOnceWithDifferentAddresses() {
        try (TestVpc test = TestVpc.asEc2()) {
            List<Vm> vms =
                    Stream.of("a", "b", "c", "d").parallel().map(test::vm).toList();
            assertThat(vms.stream().map(vm -> vm.primary().ip()).distinct()).hasSize(4);
            assertThat(test.ping(vms.get(0).namespace(), vms.get(3).primary().ip()))
                    .isTrue();
        }
    }

    @Test
    void aRequestThatCannotWorkSaysWhy() {
        try (TestVpc test = TestVpc.asEc2()) {
            assertThatThrownBy(() -> test.vpc.startVm(VmRequest.of("one", "", VmImage.empty(), 0, 5)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("no subnet 5");
            Vm vm = test.vm("one");
            NicRequest taken = NicRequest.of(0, vm.primary().ip(), vm.primary().mac());
            assertThatThrownBy(() -> test.vpc.startVm(
                            VmRequest.of("two", "", VmImage.empty(), 0).withNics(List.of(taken))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("in use");
            assertThatThrownBy(() -> VmRequest.of("../x", "", VmImage.empty(), 0))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void aNicComesLateOrNeverAndIsListedWhenItIsThere() throws Exception {
        try (TestVpc test = TestVpc.asEc2()) {
            NicRequest primary = NicRequest.in(0);
            Vm late = test.vpc.startVm(VmRequest.of("late", "", VmImage.empty(), 0)
                    .withNics(List.of(primary, NicRequest.in(1).arriving(Duration.ofMillis(700)))));
            Vm never = test.vpc.startVm(VmRequest.of("never", "", VmImage.empty(), 0)
                    .withNics(List.of(primary, NicRequest.in(1).arriving(NicRequest.NEVER))));
            String macs = "/latest/meta-data/network/interfaces/macs/";
            TestVpc.await(
                    "the late NIC is there",
                    () -> test.run(late.namespace(), "ip", "addr", "show", "ens6")
                            .output()
                            .contains("10.20.0."));
            assertThat(test.withToken(late, macs).body().lines()).hasSize(2);
            assertThat(test.withToken(never, macs).body().lines()).hasSize(1);
            assertThat(test.run(never.namespace(), "ip", "link", "show", "ens6").exit())
                    .isNotZero();
        }
    }

    @Test
    void aNicIsAttachedToARunningVm() throws Exception {
        try (TestVpc test = TestVpc.asEc2()) {
            test.vpc.startVm(VmRequest.of("one", "", VmImage.empty(), 0));
            Vm vm = test.vpc.attachNic("one", NicRequest.in(1));
            assertThat(vm.attachedNics()).hasSize(2);
            assertThat(test.inVm("one", "ip", "addr", "show", "ens6"))
                    .contains(vm.nics().get(1).address().toString());
            assertThat(test.withToken(
                                    vm,
                                    "/latest/meta-data/network/interfaces/macs/"
                                            + vm.nics().get(1).mac() + "/device-number")
                            .body())
                    .isEqualTo("1");
        }
    }

    @Test
    void aBootDelayHoldsTheProgramsBackNotTheNics() throws Exception {
        try (TestVpc test = TestVpc.asEc2()) {
            VmImage image = new VmImage(List.of(VmService.of("greeter", "/bin/echo", "up")));
            Vm vm = test.vpc.startVm(VmRequest.of("one", "", image, 0).withBootDelay(Duration.ofSeconds(2)));
            assertThat(console(vm)).isEmpty();
            assertThat(test.ping(vm.namespace(), test.vpc.internetHost())).isTrue();
            TestVpc.await("it is up", () -> console(vm).contains("up"));
        }
    }
}
