package io.peerpods.adaptor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** How long ago this process was executed, by the kernel's clock since boot (proc(5)); the wall clock would be off by up to a second. */
final class ProcessAge {

    private static final long TICKS_A_SECOND = 100;
    private static final int START_TIME = 22;

    private ProcessAge() {}

    /** Accurate to 10 ms; zero when it cannot be found out. */
    static Duration get() {
        try {
            String stat = Files.readString(Path.of("/proc/self/stat"));
            // The program's name may hold blanks; it ends with the last parenthesis, and is field 2.
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            long started = Long.parseLong(fields[START_TIME - 3]) * 1000 / TICKS_A_SECOND;
            String uptime = Files.readString(Path.of("/proc/uptime")).split(" ", 2)[0];
            return Duration.ofMillis((long) (Double.parseDouble(uptime) * 1000) - started);
        } catch (IOException | RuntimeException e) {
            return Duration.ZERO;
        }
    }
}
