package io.peerpods.agent;

import io.peerpods.agent.net.PodNetwork;
import io.peerpods.config.ConfigException;
import io.peerpods.daemon.BadSettingException;
import io.peerpods.daemon.CommandLine;
import io.peerpods.daemon.CrashPoint;
import io.peerpods.daemon.FailureText;
import io.peerpods.daemon.Logs;
import io.peerpods.daemon.SdNotify;
import io.peerpods.daemon.Settings;
import io.peerpods.network.spec.PodNetworkException;
import java.io.IOException;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The program {@code podvm-agent}: reads its flags, runs one command, and decides the exit status. */
public final class AgentMain {

    private static final int BAD_USAGE = 2;
    private static final int FAILED = 1;

    private AgentMain() {}

    public static void main(String[] args) {
        FailureText.takeUncaught();
        System.exit(run(Arrays.asList(args), System.getenv(), System.out, System.err));
    }

    private static int run(List<String> arguments, Map<String, String> environment, PrintStream out, PrintStream err) {
        try {
            return runCommand(arguments, environment, out, err);
        } catch (BadSettingException e) {
            err.println("podvm-agent: " + e.getMessage());
            return BAD_USAGE;
        } catch (Exception | Error e) {
            err.println("podvm-agent: " + FailureText.of(e));
            FailureText.trace(e);
            return FAILED;
        }
    }

    private static int runCommand(
            List<String> arguments, Map<String, String> environment, PrintStream out, PrintStream err)
            throws BadSettingException, InterruptedException {
        String command = arguments.isEmpty() ? "" : arguments.getFirst();
        CommandLine commandLine = new CommandLine(AgentSettings.TABLE);
        switch (command) {
            case "help", "-h", "-help", "--help" -> {
                out.print(usage() + commandLine.help());
                return 0;
            }
            case "version" -> {
                out.println(version());
                return 0;
            }
            case "train" -> {
                return AgentTraining.run(err);
            }
            default -> {}
        }
        Settings settings = commandLine.parse(arguments, environment);
        if (settings.on(AgentSettings.VERSION)) {
            out.println(version());
            return 0;
        }
        Logs.start(settings);
        AgentOptions options = AgentOptions.of(settings);
        CrashPoint crash = CrashPoint.of(settings);
        PodVmAgent agent = new PodVmAgent(options, SdNotify.of(environment), crash::step);
        return settings.on(AgentSettings.VERIFY)
                ? verify(agent, out, err)
                : serve(agent, SdNotify.of(environment), new Console(settings.text(AgentSettings.CONSOLE)));
    }

    private static int serve(PodVmAgent agent, SdNotify notify, Console console) throws InterruptedException {
        Logger log = LoggerFactory.getLogger(AgentMain.class);
        Thread stop = Thread.ofPlatform().name("stop").unstarted(() -> {
            int status = FAILED;
            try {
                agent.close();
                log.info("stopped");
                status = 0;
            } catch (RuntimeException | Error e) {
                log.error("could not be stopped in order", e);
            } finally {
                // Without this the JVM reports the signal as exit status 143, which a service manager takes for a
                // failure.
                Runtime.getRuntime().halt(status);
            }
        });
        Runtime.getRuntime().addShutdownHook(stop);
        try {
            agent.start();
            agent.complaint().ifPresent(console::tell);
            new CountDownLatch(1).await();
            return 0;
        } catch (IOException | ConfigException e) {
            Runtime.getRuntime().removeShutdownHook(stop);
            agent.close();
            log.error("{}", e.getMessage());
            notify.status(String.valueOf(e.getMessage()));
            console.tell(String.valueOf(e.getMessage()));
            return FAILED;
        } catch (RuntimeException | Error e) {
            // Without this the JVM would end through the hook, with status 0.
            Runtime.getRuntime().removeShutdownHook(stop);
            String text = FailureText.of(e);
            log.error("the start failed: {}", text);
            FailureText.trace(e);
            notify.status(text);
            console.tell(text);
            agent.close();
            return FAILED;
        }
    }

    private static int verify(PodVmAgent agent, PrintStream out, PrintStream err) throws InterruptedException {
        try {
            PodNetwork.Report report = agent.verify();
            report.lines().forEach(out::println);
            return report.differences().isEmpty() ? 0 : FAILED;
        } catch (IOException | ConfigException | PodNetworkException e) {
            err.println("podvm-agent: " + e.getMessage());
            return FAILED;
        }
    }

    private static String version() {
        String version = AgentMain.class.getPackage().getImplementationVersion();
        return "podvm-agent " + (version == null ? "(not packaged)" : version);
    }

    private static String usage() {
        return """
                podvm-agent [flags]   the daemon in a pod VM: user-data, the pod's network, the way to kata-agent
                podvm-agent -verify   compare the pod's network with what it should be
                podvm-agent version | help

                """;
    }
}
