package io.peerpods.cloud.aws.ec2world;

import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Settings;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Settings from a map by flag. */
public record FlagSettings(List<Setting> known, Map<String, String> values) implements Settings {

    public FlagSettings {
        List<String> flags = known.stream().map(Setting::flag).toList();
        values.keySet().stream()
                .filter(flag -> !flags.contains(flag))
                .findFirst()
                .ifPresent(flag -> {
                    throw new IllegalArgumentException("no such flag: " + flag);
                });
    }

    @Override
    public String text(Setting setting) {
        return values.getOrDefault(setting.flag(), setting.fallback());
    }

    @Override
    public boolean on(Setting setting) {
        return Boolean.parseBoolean(text(setting));
    }

    @Override
    public int number(Setting setting) {
        return Integer.parseInt(text(setting));
    }

    @Override
    public Duration duration(Setting setting) {
        return Duration.parse("PT" + text(setting));
    }

    @Override
    public List<String> list(Setting setting) {
        return Stream.of(text(setting).split(",", -1))
                .map(String::strip)
                .filter(item -> !item.isEmpty())
                .toList();
    }

    @Override
    public boolean isGiven(Setting setting) {
        return values.containsKey(setting.flag());
    }
}
