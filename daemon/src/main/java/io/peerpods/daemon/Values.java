package io.peerpods.daemon;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/** The values of one start, each read once. */
final class Values implements Settings {

    private final Map<String, Object> values;
    private final Map<String, String> given;

    /**
     * @param values the read values by flag: String, Boolean, Integer, Duration or List
     * @param given the texts that flag or environment gave, by flag
     */
    Values(Map<String, Object> values, Map<String, String> given) {
        this.values = Map.copyOf(values);
        this.given = Map.copyOf(given);
    }

    static Object read(Setting setting, String text) {
        return switch (setting.kind()) {
            case TEXT -> text;
            case BOOL -> GoSyntax.bool(text);
            case INT -> GoSyntax.number(text);
            case DURATION -> GoSyntax.duration(text);
            case LIST -> GoSyntax.list(text);
        };
    }

    private <T> T value(Setting setting, Class<T> type) {
        Object value = values.get(setting.flag());
        if (value == null) {
            throw new IllegalArgumentException(setting.names() + " is not in this program's table of settings");
        }
        return type.cast(value);
    }

    @Override
    public String text(Setting setting) {
        return value(setting, String.class);
    }

    @Override
    public boolean on(Setting setting) {
        return value(setting, Boolean.class);
    }

    @Override
    public int number(Setting setting) {
        return value(setting, Integer.class);
    }

    @Override
    public Duration duration(Setting setting) {
        return value(setting, Duration.class);
    }

    @Override
    public List<String> list(Setting setting) {
        return ((List<?>) value(setting, List.class))
                .stream().map(String.class::cast).toList();
    }

    @Override
    public boolean isGiven(Setting setting) {
        if (setting.inConfigMap() == Setting.InConfigMap.SET
                && !setting.fallback().isEmpty()) {
            throw new IllegalArgumentException(
                    setting.names() + " is set in the ConfigMap's template, so it is always given");
        }
        return given.containsKey(setting.flag());
    }
}
