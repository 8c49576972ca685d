package io.peerpods.config.userdata;

import io.peerpods.config.ConfigException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/**
 * Reads the {@code #cloud-config} of a pod VM strictly: one mapping with the one key {@code write_files}, of which path and
 * content are used; owner, permissions and append are accepted and mean nothing; an encoding other than plain text is
 * refused. The document's size, depth and number of files are bounded, and aliases are refused, so hostile user-data costs little.
 */
final class UserDataParser {
    private static final String HEADER = "#cloud-config";
    private static final int MAX_FILES = 64;
    private static final Set<String> FILE_KEYS =
            Set.of("path", "content", "owner", "permissions", "encoding", "append");

    private UserDataParser() {}

    static UserData parse(String document) throws ConfigException {
        if (document.length() > UserData.MAX_BYTES
                || document.getBytes(StandardCharsets.UTF_8).length > UserData.MAX_BYTES) {
            throw new ConfigException("user-data is longer than " + UserData.MAX_BYTES + " bytes");
        }
        if (!document.lines().findFirst().orElse("").stripTrailing().equals(HEADER)) {
            throw new ConfigException("user-data does not begin with a line " + HEADER);
        }
        Object root = load(document);
        if (!(root instanceof Map<?, ?> map)) {
            throw new ConfigException("user-data is not a mapping");
        }
        for (Object key : map.keySet()) {
            if (!"write_files".equals(key)) {
                throw new ConfigException("user-data: unknown key " + shown(key) + "; only write_files is understood");
            }
        }
        Object list = map.get("write_files");
        if (list == null) {
            return new UserData(List.of());
        }
        if (!(list instanceof List<?> items) || items.size() > MAX_FILES) {
            throw new ConfigException("user-data: write_files is not a list of at most " + MAX_FILES + " files");
        }
        return files(items);
    }

    private static UserData files(List<?> items) throws ConfigException {
        List<UserData.File> files = new ArrayList<>();
        for (Object item : items) {
            files.add(file(item));
        }
        try {
            return new UserData(files);
        } catch (IllegalArgumentException e) {
            throw new ConfigException(String.valueOf(e.getMessage()), e);
        }
    }

    private static UserData.File file(@Nullable Object item) throws ConfigException {
        if (!(item instanceof Map<?, ?> map)) {
            throw new ConfigException("user-data: an item of write_files is not a mapping");
        }
        for (Object key : map.keySet()) {
            if (!(key instanceof String name) || !FILE_KEYS.contains(name)) {
                throw new ConfigException("user-data: unknown key " + shown(key) + " in write_files");
            }
        }
        if (!(map.get("path") instanceof String path)) {
            throw new ConfigException("user-data: an item of write_files has no path");
        }
        Object encoding = map.get("encoding");
        if (encoding != null && !"".equals(encoding) && !"text/plain".equals(encoding)) {
            throw new ConfigException("user-data: " + shown(path) + " has encoding " + shown(encoding)
                    + ", only text/plain is understood");
        }
        Object content = map.get("content");
        if (content != null && !(content instanceof String)) {
            throw new ConfigException("user-data: the content of " + shown(path) + " is not a string");
        }
        try {
            return new UserData.File(path, content == null ? "" : (String) content);
        } catch (IllegalArgumentException e) {
            throw new ConfigException(String.valueOf(e.getMessage()), e);
        }
    }

    private static @Nullable Object load(String document) throws ConfigException {
        LoaderOptions options = new LoaderOptions();
        options.setAllowDuplicateKeys(false);
        options.setAllowRecursiveKeys(false);
        options.setMaxAliasesForCollections(0);
        options.setNestingDepthLimit(8);
        options.setCodePointLimit(UserData.MAX_BYTES);
        options.setProcessComments(false);
        try {
            return new Yaml(new SafeConstructor(options)).load(document);
        } catch (YAMLException | StackOverflowError e) {
            // The message of the library quotes the document, which may hold keys.
            throw new ConfigException(
                    "user-data is not YAML that this agent understands ("
                            + e.getClass().getSimpleName() + ")",
                    e);
        }
    }

    private static String shown(@Nullable Object value) {
        String text = String.valueOf(value);
        return "\""
                + (text.length() > 80 ? text.substring(0, 80) + ".." : text).replaceAll("[\\p{C}\\p{Zl}\\p{Zp}]", "?")
                + "\"";
    }
}
