package io.peerpods.vpc;

import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.vm.VmImage;
import io.peerpods.vpc.vm.VmRequest;
import io.peerpods.vpc.vm.VmService;
import java.nio.file.Path;
import java.util.List;

/** Makes a VPC and VMs in it until it is killed: the victim of {@link VpcCleanupTest}. */
final class CreatorMain {

    private CreatorMain() {}

    public static void main(String[] args) {
        LocalVpc vpc = LocalVpc.open(Path.of(args[0]), VpcSpec.DEFAULT);
        VmImage image = new VmImage(List.of(
                VmService.of("greeter", "/bin/sh", "-c", "echo up; sleep infinity"),
                VmService.of("other", "/bin/sleep", "infinity")));
        for (int i = 0; ; i++) {
            vpc.startVm(VmRequest.of("vm" + i, "", image, 0, 1));
            if (i >= 2) {
                vpc.stopVm("vm" + (i - 2));
            }
        }
    }
}
