package io.peerpods.daemon;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import java.util.List;
import java.util.Locale;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;
import org.slf4j.bridge.SLF4JBridgeHandler;

/**
 * Log lines of both daemons, on standard error: {@code time level logger key=value.. message}, or one JSON object a line. A thread's
 * {@link #SANDBOX} is part of every line that it writes.
 */
public final class Logs {

    /** The MDC key of the sandbox that a thread works for. */
    public static final String SANDBOX = "sandbox";

    public static final Setting LEVEL = new Setting(
            "log-level",
            "LOG_LEVEL",
            Setting.Kind.TEXT,
            "info",
            "Least level that is logged: error, warn, info, debug or trace.");

    public static final Setting FORMAT = new Setting(
            "log-format",
            "LOG_FORMAT",
            Setting.Kind.TEXT,
            "text",
            "Format of log lines: text, or json (one object a line).");

    /** For the tables of the daemons. */
    public static final List<Setting> SETTINGS = List.of(LEVEL, FORMAT);

    private Logs() {}

    /** Sets up logging by the settings; java.util.logging is bridged. */
    public static void start(Settings settings) throws BadSettingException {
        Level level = level(settings.text(LEVEL));
        boolean json = json(settings.text(FORMAT));
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        LogConfiguration.apply(context, json);
        context.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(level);
        for (String foreign : List.of("io.grpc", "io.netty", "software.amazon", "org.apache", "jdk", "sun", "javax")) {
            context.getLogger(foreign).setLevel(level.isGreaterOrEqual(Level.WARN) ? level : Level.WARN);
        }
        // gRPC sets TCP options on unix sockets, which netty then warns of.
        context.getLogger("io.netty.bootstrap").setLevel(Level.ERROR);
        SLF4JBridgeHandler.removeHandlersForRootLogger();
        SLF4JBridgeHandler.install();
    }

    /** Names the sandbox in all lines of this thread until the scope is closed. */
    public static MDC.MDCCloseable sandbox(String id) {
        return MDC.putCloseable(SANDBOX, id);
    }

    private static Level level(String text) throws BadSettingException {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "error" -> Level.ERROR;
            case "warn" -> Level.WARN;
            case "info" -> Level.INFO;
            case "debug" -> Level.DEBUG;
            case "trace" -> Level.TRACE;
            default -> throw BadSettingException.of(LEVEL, text, "is not one of error, warn, info, debug, trace");
        };
    }

    private static boolean json(String text) throws BadSettingException {
        return switch (text) {
            case "text" -> false;
            case "json" -> true;
            default -> throw BadSettingException.of(FORMAT, text, "is not one of text, json");
        };
    }
}
