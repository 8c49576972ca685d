package io.peerpods.adaptor;

import io.peerpods.linux.Sysctls;
import java.io.IOException;
import java.nio.file.Path;

/** The host's name as the kernel has it; no name service is asked. */
final class HostName {

    private HostName() {}

    static String get() {
        try {
            String name = Sysctls.read(Path.of("/proc/sys/kernel/hostname"));
            return name.isEmpty() ? "localhost" : name;
        } catch (IOException e) {
            return "localhost";
        }
    }
}
