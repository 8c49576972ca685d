package io.peerpods.daemon;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.ParserSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * A command line in the syntax of Go's {@code flag} package, and the environment behind it, read by one table of settings:
 * {@code -flag value}, {@code -flag=value}, one dash or two, {@code -bool} and {@code -bool=false}, {@code --} ends the flags. A flag
 * beats its environment variable beats the default; an empty environment variable counts as unset; a list flag replaces the
 * environment's list. Blanks and line ends around a value do not belong to it: a Secret made by hand often ends in one. Immutable.
 */
public final class CommandLine {

    private final List<Setting> table;

    /** @throws IllegalArgumentException for a flag or key that is there twice, or a default that its own kind cannot read */
    public CommandLine(List<Setting> table) {
        this.table = List.copyOf(table);
        Set<String> names = new HashSet<>();
        for (Setting setting : this.table) {
            if (!names.add("-" + setting.flag()) || (!setting.key().isEmpty() && !names.add(setting.key()))) {
                throw new IllegalArgumentException(setting.names() + " is in the table of settings twice");
            }
            Values.read(setting, setting.fallback());
        }
    }

    /** The table, in its order. */
    public List<Setting> table() {
        return table;
    }

    /** As {@link #parse(List, Map)} for a program that reads no environment. */
    public Settings parse(List<String> arguments) throws BadSettingException {
        return parse(arguments, Map.of());
    }

    /**
     * Reads all values.
     *
     * @param arguments what follows the program's name and its sub-command
     * @throws BadSettingException for an unknown flag, a flag without value, a value that cannot be read, and anything that is no flag
     */
    public Settings parse(List<String> arguments, Map<String, String> environment) throws BadSettingException {
        Map<String, String> given = new HashMap<>();
        for (Setting setting : table) {
            String value = setting.key().isEmpty()
                    ? ""
                    : environment.getOrDefault(setting.key(), "").strip();
            if (!value.isEmpty()) {
                given.put(setting.flag(), value);
            }
        }
        given.putAll(flags(arguments));
        Map<String, Object> values = new HashMap<>();
        for (Setting setting : table) {
            String text = given.getOrDefault(setting.flag(), setting.fallback());
            try {
                values.put(setting.flag(), Values.read(setting, text));
            } catch (IllegalArgumentException e) {
                throw BadSettingException.of(setting, text, String.valueOf(e.getMessage()));
            }
        }
        return new Values(values, given);
    }

    private Map<String, String> flags(List<String> arguments) throws BadSettingException {
        CommandSpec spec = CommandSpec.create();
        spec.parser(parser());
        Map<String, Setting> byFlag = new HashMap<>();
        for (Setting setting : table) {
            byFlag.put(setting.flag(), setting);
            spec.addOption(OptionSpec.builder("-" + setting.flag())
                    .type(String.class)
                    .arity("1")
                    .build());
        }
        ParseResult result;
        try {
            result = new picocli.CommandLine(spec).parseArgs(spelledOut(arguments, byFlag));
        } catch (OverwrittenOptionException e) {
            throw new IllegalStateException(e);
        } catch (ParameterException e) {
            throw new BadSettingException(String.valueOf(e.getMessage()));
        }
        Map<String, String> flags = new HashMap<>();
        for (OptionSpec option : result.matchedOptions()) {
            List<String> values = option.originalStringValues();
            flags.put(option.longestName().substring(1), values.getLast().strip());
        }
        return flags;
    }

    private static ParserSpec parser() {
        return new ParserSpec()
                .expandAtFiles(false)
                .posixClusteredShortOptionsAllowed(false)
                .overwrittenOptionsAllowed(true)
                .allowOptionsAsOptionParameters(true)
                .unmatchedOptionsAllowedAsOptionParameters(true)
                .abbreviatedOptionsAllowed(false)
                .trimQuotes(false);
    }

    /**
     * Go's spellings in the one that picocli has for all kinds, {@code -flag=value}: in Go a bool never takes the next word, any other
     * flag always does, whatever that looks like.
     */
    private static String[] spelledOut(List<String> arguments, Map<String, Setting> byFlag) throws BadSettingException {
        List<String> spelled = new ArrayList<>();
        for (int i = 0; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            boolean last = argument.equals("--");
            if (last && i + 1 < arguments.size()) {
                argument = arguments.get(i + 1);
            } else if (last) {
                break;
            }
            if (last || !argument.startsWith("-") || argument.equals("-")) {
                throw new BadSettingException("\"" + argument + "\" is not a flag, and nothing else is expected here");
            }
            String body = argument.substring(argument.startsWith("--") ? 2 : 1);
            int equals = body.indexOf('=');
            String flag = equals < 0 ? body : body.substring(0, equals);
            Setting setting = byFlag.get(flag);
            if (setting == null) {
                throw new BadSettingException("unknown flag -" + flag + "; `help` lists what there is");
            }
            if (equals >= 0) {
                spelled.add("-" + body);
            } else if (setting.kind() == Setting.Kind.BOOL) {
                spelled.add("-" + flag + "=true");
            } else if (i + 1 < arguments.size()) {
                i++;
                spelled.add("-" + flag + "=" + arguments.get(i));
            } else {
                throw new BadSettingException(setting.names() + " needs a value: " + setting.meaning());
            }
        }
        return spelled.toArray(String[]::new);
    }

    /** All settings with kind, key, default and meaning; defaults of secrets and values of the environment never appear. */
    public String help() {
        StringBuilder help = new StringBuilder();
        for (Setting setting : table) {
            help.append("  -").append(setting.flag());
            if (setting.kind() != Setting.Kind.BOOL) {
                help.append(" <").append(setting.kind().word()).append('>');
            }
            help.append('\n').append("        ").append(setting.meaning());
            List<String> notes = new ArrayList<>();
            if (!setting.key().isEmpty()) {
                notes.add("environment " + setting.key());
            }
            if (setting.secret()) {
                notes.add("secret");
            } else if (!setting.fallback().isEmpty()) {
                notes.add("default " + setting.fallback());
            }
            if (!notes.isEmpty()) {
                help.append(" (").append(String.join(", ", notes)).append(')');
            }
            help.append('\n');
        }
        return help.toString();
    }
}
