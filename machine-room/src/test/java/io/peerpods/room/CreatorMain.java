package io.peerpods.room;

import java.nio.file.Path;
import java.util.List;

/** Makes a room and VMs in it until it is killed: the victim of {@link RoomCleanupTest}. */
final class CreatorMain {

    private CreatorMain() {}

    public static void main(String[] args) {
        Room room = Room.open(Path.of(args[0]), RoomSpec.DEFAULT);
        VmImage image = new VmImage(List.of(
                Service.of("greeter", "/bin/sh", "-c", "echo up; sleep infinity"),
                Service.of("other", "/bin/sleep", "infinity")));
        for (int i = 0; ; i++) {
            room.startVm(VmRequest.of("vm" + i, "", image, 0, 1));
            if (i >= 2) {
                room.stopVm("vm" + (i - 2));
            }
        }
    }
}
