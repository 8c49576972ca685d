package io.peerpods.tests.demo;

import io.peerpods.tests.lab.CheckTable;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;

/** What the demo prints, line by line. */
final class Screen {

    private static final String PICTURE = """

                                        the internet 203.0.113.10
                                                   |
                                    the VPC's router (NAT, metadata service)
                            10.10.0.0/16 |                      | 10.20.0.0/24
                  +-----------------+----+-------------+        |
                  |                 |                  |        |
            worker2 10.10.0.2   worker 10.10.0.1   ens5|        |ens6
            +--------------+    +--------------+   +---+--------+-----------+
            | cni0         |    | adaptor      |   | pod VM     :           |
            |  +- distant  |    | cni0         |   | podvm-agent:15150      |
            |  |  a pod    |    |  +- neighbour|   |  +- the pod's namespace|
            |  |10.244.2.2 |    |  |10.244.1.3 |   |  | ens6 (when asked)   |
            +--------------+    |  +- the pod's|   |  | eth0 10.244.1.x     |
                                |   namespace: |   |  |   :  containers     |
             a third host       |   eth0<=>vxlan==VXLAN====+                |
             10.10.0.3          +--------------+   +------------------------+

            Every box is a set of Linux namespaces on this machine; adaptor, podvm-agent, tunnel, TLS and
            packets are real. Each check is proved by counters in the namespaces that the packets cross.
            """;

    private final PrintStream out;
    private long mark = System.nanoTime();

    Screen(PrintStream out) {
        this.out = out;
    }

    void opening() {
        out.println("Peerpods: a pod on a VM of its own, and every way of its packets.");
        out.print(PICTURE.indent(2));
        mark();
    }

    /** Says that pod VMs are instances of an emulated EC2 here. */
    void emulatedEc2() {
        out.println(
                "  The provider is 'aws'. Its EC2 API is an emulator (moto_server), and each instance that is launched");
        out.println("  there becomes such a pod VM, with the instance's interfaces, addresses, MACs and user-data.");
        mark();
    }

    void part(String title) {
        out.println();
        out.println("== " + title);
        mark();
    }

    /** A step that has just ended, with the time since the last one. */
    void step(String what) {
        out.printf(Locale.ROOT, "  %7.3f s  %s%n", seconds(System.nanoTime() - mark), what);
        mark();
    }

    void finding(CheckTable.Finding finding) {
        out.printf(
                Locale.ROOT,
                "  %s  %-82s %s%n",
                finding.proof().holds() ? "PASS" : "FAIL",
                finding.row().name(),
                finding.proof().words().lines().findFirst().orElse(""));
        out.flush();
    }

    void line(String text) {
        out.println("  " + text);
    }

    void closing(String verdict, Duration whole) {
        out.println();
        out.printf(Locale.ROOT, "%s (%.1f s)%n", verdict, seconds(whole.toNanos()));
    }

    private void mark() {
        out.flush();
        mark = System.nanoTime();
    }

    private static double seconds(long nanos) {
        return nanos / 1e9;
    }
}
