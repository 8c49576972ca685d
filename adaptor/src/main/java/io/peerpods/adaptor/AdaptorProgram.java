package io.peerpods.adaptor;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.cloud.CloudProviderType;
import io.peerpods.cloud.Finding;
import io.peerpods.cloud.Worker;
import io.peerpods.cloud.local.LocalType;
import io.peerpods.daemon.CommandLine;
import io.peerpods.daemon.CrashPoint;
import io.peerpods.daemon.FailureText;
import io.peerpods.daemon.Logs;
import io.peerpods.daemon.SdNotify;
import io.peerpods.daemon.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the command line asks for: the daemon, its help, or one of the small jobs beside it. */
final class AdaptorProgram {

    private static final Logger log = LoggerFactory.getLogger(AdaptorProgram.class);
    private static final Set<String> HELP = Set.of("help", "-h", "--h", "-help", "--help");

    private final List<CloudProviderType> types;
    private final PrintStream out;
    private final PrintStream err;

    AdaptorProgram(List<CloudProviderType> types, PrintStream out, PrintStream err) {
        this.types = List.copyOf(types);
        this.out = out;
        this.err = err;
    }

    /** Runs to the end, which for the daemon is a signal. Returns the exit status. */
    int run(List<String> arguments, Map<String, String> environment) {
        try {
            return runCommand(arguments, environment);
        } catch (Exception | Error e) {
            err.println("adaptor: " + FailureText.of(e));
            FailureText.trace(e);
            return 1;
        }
    }

    private int runCommand(List<String> arguments, Map<String, String> environment) throws Exception {
        String first = arguments.isEmpty() ? "" : arguments.getFirst();
        if (HELP.contains(first)) {
            return help(arguments.size() > 1 ? arguments.get(1) : "");
        }
        switch (first) {
            case "version" -> {
                out.println("adaptor " + version());
                return 0;
            }
            case "train" -> {
                return Training.run(types);
            }
            default -> {
                // A provider, or flags only.
            }
        }
        boolean named = !first.isEmpty() && !first.startsWith("-");
        String provider = named
                ? first
                : environment
                        .getOrDefault(AdaptorSettings.CLOUD_PROVIDER.key(), "")
                        .strip();
        Optional<CloudProviderType> type = type(provider);
        if (type.isEmpty()) {
            err.println(
                    provider.isEmpty()
                            ? "adaptor: name a provider, or set CLOUD_PROVIDER"
                            : "adaptor: there is no provider \"" + provider + "\"");
            usage(err);
            return 1;
        }
        List<String> flags = arguments.subList(named ? 1 : 0, arguments.size());
        if (!flags.isEmpty() && HELP.contains(flags.getFirst())) {
            return help(provider);
        }
        return run(type.get(), flags, environment);
    }

    private Optional<CloudProviderType> type(String name) {
        return types.stream().filter(type -> type.name().equals(name)).findFirst();
    }

    private int run(CloudProviderType type, List<String> flags, Map<String, String> environment) throws Exception {
        CommandLine line = SettingsTable.of(type);
        Settings settings = line.parse(flags, environment);
        Logs.start(settings);
        if (type instanceof LocalType local && local.wantsCleanup(settings)) {
            List<String> removed = local.cleanup(settings);
            removed.forEach(out::println);
            out.println(removed.isEmpty() ? "there was nothing to remove" : removed.size() + " things removed");
            return 0;
        }
        AdaptorConfig config = AdaptorConfig.of(settings);
        List<String> warnings = new ArrayList<>(config.warnings());
        warnings.addAll(EnvironmentCheck.of(environment, types));
        if (settings.on(AdaptorSettings.CHECK)) {
            warnings.forEach(warning -> out.printf("%-9s configuration: %s%n", Finding.Level.WARNING, warning));
            return check(type, settings, config);
        }
        warnings.forEach(warning -> log.warn("{}", warning));
        return serve(type, settings, config, environment);
    }

    private int check(CloudProviderType type, Settings settings, AdaptorConfig config) throws Exception {
        Worker worker = new Worker(
                config.clusterId().isEmpty() ? "check" : config.clusterId(),
                config.node(),
                config.stateDirectory(),
                config.sandboxes().externalNetwork(),
                config.sandboxes().agentPort(),
                config.sandboxes().vxlanPort());
        boolean good = true;
        try (CloudProvider cloud = type.open(settings, worker)) {
            for (Finding finding : cloud.check()) {
                out.printf("%-9s %s: %s%n", finding.level(), finding.what(), finding.detail());
                good &= finding.level() != Finding.Level.ERROR;
            }
        } catch (CloudException e) {
            out.printf("%-9s %s: %s%n", Finding.Level.ERROR, "provider " + type.name(), FailureText.of(e));
            good = false;
        }
        return good ? 0 : 1;
    }

    private int serve(CloudProviderType type, Settings settings, AdaptorConfig config, Map<String, String> environment)
            throws Exception {
        ListenBacklog.warning().ifPresent(warning -> log.warn("{}", warning));
        SdNotify notify = SdNotify.of(environment);
        CountDownLatch stop = new CountDownLatch(1);
        CountDownLatch stopped = new CountDownLatch(1);
        Thread hook = new Thread(() -> endBySignal(stop, stopped), "signal");
        // Before the first answer: a client that has one may send the signal.
        Runtime.getRuntime().addShutdownHook(hook);
        Adaptor adaptor;
        try {
            adaptor = Adaptor.start(config, type, settings, CrashPoint.of(settings), version(), stop);
        } catch (InterruptedException e) {
            log.info("stopped before the start was over: {}", e.getMessage());
            stopped.countDown();
            return 0;
        } catch (Exception | Error e) {
            letGo(hook, stopped);
            throw e;
        }
        notify.ready();
        log.info("ready {} ms after exec", ProcessAge.get().toMillis());
        stop.await();
        log.info("stopping; VMs stay");
        notify.stopping();
        try {
            adaptor.close();
            log.info("stopped");
        } finally {
            // The signal's thread waits for it, whatever failed here.
            stopped.countDown();
        }
        return 0;
    }

    /** A start that failed has an exit status of its own, unless a signal came first. */
    private static void letGo(Thread hook, CountDownLatch stopped) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            stopped.countDown();
        }
    }

    /** A signal is an orderly end: the exit status is 0, not the signal's. */
    private static void endBySignal(CountDownLatch stop, CountDownLatch stopped) {
        stop.countDown();
        try {
            stopped.await();
        } catch (InterruptedException e) {
            return;
        }
        Runtime.getRuntime().halt(0);
    }

    private int help(String provider) {
        if (provider.isEmpty()) {
            usage(out);
            out.println("\n`adaptor help <provider>` lists the flags.");
            return 0;
        }
        Optional<CloudProviderType> type = type(provider);
        if (type.isEmpty()) {
            err.println("adaptor: there is no provider \"" + provider + "\"");
            usage(err);
            return 1;
        }
        out.println("adaptor " + provider + " [flags]: " + type.get().summary() + "\n");
        out.print(SettingsTable.of(type.get()).help());
        return 0;
    }

    private void usage(PrintStream to) {
        to.println("usage: adaptor <provider> [flags] | help [provider] | version");
        types.forEach(type -> to.printf("  %-8s %s%n", type.name(), type.summary()));
    }

    static String version() {
        try (InputStream in = AdaptorProgram.class.getResourceAsStream("version.txt")) {
            return in == null ? "unknown" : new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return "unknown";
        }
    }
}
