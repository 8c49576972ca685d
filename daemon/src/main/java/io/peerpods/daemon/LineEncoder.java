package io.peerpods.daemon;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.event.KeyValuePair;

/** One event, one line: what comes from outside can neither begin a line of its own nor move the cursor. */
final class LineEncoder extends EncoderBase<ILoggingEvent> {

    private static final String OURS = "io.peerpods.";

    private final boolean json;

    LineEncoder(boolean json) {
        this.json = json;
    }

    @Override
    public byte[] headerBytes() {
        return new byte[0];
    }

    @Override
    public byte[] footerBytes() {
        return new byte[0];
    }

    @Override
    public byte[] encode(ILoggingEvent event) {
        return ((json ? object(event) : line(event)) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    private static String line(ILoggingEvent event) {
        StringBuilder line = new StringBuilder(160);
        line.append(time(event))
                .append(' ')
                .append(event.getLevel())
                .append(' ')
                .append(logger(event));
        pairs(event)
                .forEach(
                        (key, value) -> line.append(' ').append(key).append('=').append(value));
        line.append(' ').append(clean(event.getFormattedMessage()));
        String trace = trace(event);
        if (!trace.isEmpty()) {
            line.append('\n').append(trace.stripTrailing());
        }
        return line.toString();
    }

    private static String object(ILoggingEvent event) {
        JsonObject object = new JsonObject();
        object.addProperty("time", time(event));
        object.addProperty("level", event.getLevel().toString());
        object.addProperty("logger", logger(event));
        pairs(event).forEach(object::addProperty);
        object.addProperty("message", event.getFormattedMessage());
        String trace = trace(event);
        if (!trace.isEmpty()) {
            object.addProperty("trace", trace);
        }
        return object.toString();
    }

    private static String time(ILoggingEvent event) {
        return Instant.ofEpochMilli(event.getTimeStamp())
                .truncatedTo(ChronoUnit.MILLIS)
                .toString();
    }

    private static String logger(ILoggingEvent event) {
        String name = event.getLoggerName();
        return name.startsWith(OURS) ? name.substring(OURS.length()) : name;
    }

    private static Map<String, String> pairs(ILoggingEvent event) {
        Map<String, String> pairs = new LinkedHashMap<>();
        event.getMDCPropertyMap().forEach((key, value) -> pairs.put(key, clean(value)));
        if (event.getKeyValuePairs() != null) {
            for (KeyValuePair pair : event.getKeyValuePairs()) {
                pairs.put(pair.key, clean(String.valueOf(pair.value)));
            }
        }
        return pairs;
    }

    private static String trace(ILoggingEvent event) {
        IThrowableProxy thrown = event.getThrowableProxy();
        return thrown == null ? "" : ThrowableProxyUtil.asString(thrown);
    }

    private static String clean(String text) {
        StringBuilder clean = new StringBuilder(text.length());
        text.codePoints().forEach(point -> {
            switch (point) {
                case '\n' -> clean.append("\\n");
                case '\r' -> clean.append("\\r");
                default -> clean.appendCodePoint(point == '\t' || OutsideText.isPrintable(point) ? point : '?');
            }
        });
        return clean.toString();
    }
}
