package io.peerpods.config.volume;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.peerpods.config.ConfigException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The annotation of a container by which the worker tells the VM which cloud volumes the container mounts: a JSON object from {@code
 * vol-N} to the volume, with the keys of the existing system ({@code mount_point}, {@code fs_type}, {@code lun}, {@code disk_id},
 * {@code readonly}, {@code options}, {@code fs_group}, {@code encrypt_type}, {@code key_id}; its older releases have no {@code readonly}
 * and no {@code options}). What is read is not trusted: every value becomes a path, a device or a program's argument.
 */
public final class CloudVolumes {

    /** The annotation's key in the container's OCI specification. */
    public static final String ANNOTATION = "io.confidentialcontainers.org.cloud_volumes";

    /** The file system of a volume that names none. */
    public static final String DEFAULT_FS_TYPE = "ext4";

    private static final int LARGEST = 256 * 1024;
    private static final int MOST = 64;
    private static final int LONGEST_PATH = 4096;

    private static final Set<String> FS_TYPES = Set.of("ext4", "ext3", "xfs");
    private static final Set<String> OPTIONS = Set.of(
            "async",
            "atime",
            "dev",
            "diratime",
            "dirsync",
            "discard",
            "exec",
            "lazytime",
            "noatime",
            "nodev",
            "nodiratime",
            "nodiscard",
            "noexec",
            "nolazytime",
            "norelatime",
            "nostrictatime",
            "nosuid",
            "nouuid",
            "relatime",
            "strictatime",
            "suid",
            "sync");
    private static final Pattern DISK_ID = Pattern.compile("[A-Za-z0-9/][A-Za-z0-9/_.:@+=-]{0,511}");
    private static final Pattern KEY_ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9/_.+=-]{0,511}");
    private static final Pattern NUMBER = Pattern.compile("0|[1-9][0-9]{0,9}");
    private static final String KEY_SCHEME = "kbs:///";

    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

    private CloudVolumes() {}

    /** The annotation's value. */
    public static String toJson(List<CloudVolume> volumes) {
        JsonObject json = new JsonObject();
        for (CloudVolume volume : volumes) {
            JsonObject one = new JsonObject();
            one.addProperty("mount_point", volume.mountPoint());
            one.addProperty("fs_type", volume.fsType());
            one.addProperty("lun", Integer.toString(volume.lun()));
            one.addProperty("disk_id", volume.diskId());
            one.addProperty("readonly", volume.readOnly());
            if (!volume.options().isEmpty()) {
                JsonArray options = new JsonArray();
                volume.options().forEach(options::add);
                one.add("options", options);
            }
            addIfGiven(one, "fs_group", volume.fsGroup());
            addIfGiven(one, "encrypt_type", volume.encryptType());
            addIfGiven(one, "key_id", volume.keyId());
            json.add(volume.name(), one);
        }
        return GSON.toJson(json);
    }

    private static void addIfGiven(JsonObject json, String key, String value) {
        if (!value.isEmpty()) {
            json.addProperty(key, value);
        }
    }

    /**
     * Reads the annotation's value; the volumes are in the order of their numbers.
     *
     * @throws ConfigException naming the volume and what is wrong with it
     */
    public static List<CloudVolume> parse(String text) throws ConfigException {
        if (text.length() > LARGEST) {
            throw new ConfigException(ANNOTATION + " is longer than " + LARGEST + " characters");
        }
        JsonObject json = object(text);
        if (json.size() > MOST) {
            throw new ConfigException(ANNOTATION + " has " + json.size() + " volumes, more than " + MOST);
        }
        List<CloudVolume> volumes = new ArrayList<>();
        Set<String> disks = new HashSet<>();
        Set<String> mountPoints = new HashSet<>();
        for (Map.Entry<String, JsonElement> entry : json.entrySet()) {
            CloudVolume volume = new Reader(entry.getKey(), entry.getValue()).read();
            if (!disks.add(volume.diskId())) {
                throw new ConfigException(ANNOTATION + " has disk " + volume.diskId() + " twice");
            }
            if (!mountPoints.add(volume.mountPoint())) {
                throw new ConfigException(ANNOTATION + " has mount_point " + volume.mountPoint() + " twice");
            }
            volumes.add(volume);
        }
        volumes.sort((one, other) -> Integer.compare(one.lun(), other.lun()));
        return List.copyOf(volumes);
    }

    private static JsonObject object(String text) throws ConfigException {
        try {
            if (JsonParser.parseString(text) instanceof JsonObject json) {
                return json;
            }
        } catch (JsonParseException e) {
            throw new ConfigException(ANNOTATION + " is not JSON: " + shown(String.valueOf(e.getMessage())), e);
        }
        throw new ConfigException(ANNOTATION + " is not a JSON object");
    }

    private static String shown(String text) {
        String printable = text.replaceAll("[^\\x20-\\x7e]", "?");
        return printable.length() <= 80 ? printable : printable.substring(0, 80) + "...";
    }

    /** One entry. */
    private record Reader(String name, JsonElement value) {

        CloudVolume read() throws ConfigException {
            if (!(value instanceof JsonObject json)) {
                throw wrong("is not an object");
            }
            String encryptType = encryptType(text(json, "encrypt_type"));
            String fsType = fsType(text(json, "fs_type"));
            boolean readOnly = flag(json, "readonly");
            List<String> options = new ArrayList<>();
            for (String option : options(json)) {
                switch (option) {
                    case "ro" -> readOnly = true;
                    case "rw", "defaults" -> {} // what a mount is anyway
                    default -> options.add(option(option, fsType));
                }
            }
            return new CloudVolume(
                    lun(text(json, "lun")),
                    diskId(text(json, "disk_id")),
                    mountPoint(text(json, "mount_point")),
                    fsType,
                    readOnly,
                    options,
                    fsGroup(text(json, "fs_group")),
                    encryptType,
                    keyId(text(json, "key_id"), encryptType));
        }

        private int lun(String text) throws ConfigException {
            int lun = NUMBER.matcher(text).matches() && text.length() <= 3 ? Integer.parseInt(text) : MOST;
            if (lun >= MOST) {
                throw wrong("has lun \"" + shown(text) + "\", not a number from 0 to " + (MOST - 1));
            }
            if (!name.equals("vol-" + lun)) {
                throw wrong("has lun " + lun + ", its name says another number");
            }
            return lun;
        }

        private String diskId(String id) throws ConfigException {
            if (!DISK_ID.matcher(id).matches() || climbs(id)) {
                throw wrong("has disk_id \"" + shown(id) + "\", no cloud's name of a volume");
            }
            return id;
        }

        private String mountPoint(String path) throws ConfigException {
            boolean printable = path.chars().noneMatch(Character::isISOControl);
            if (!path.startsWith("/") || path.length() > LONGEST_PATH || !printable || climbs(path)) {
                throw wrong("has mount_point \"" + shown(path) + "\", not an absolute path without \"..\"");
            }
            return path;
        }

        private static boolean climbs(String path) {
            return Arrays.asList(path.split("/", -1)).contains("..");
        }

        private String fsType(String type) throws ConfigException {
            if (type.isEmpty()) {
                return DEFAULT_FS_TYPE;
            }
            if (!FS_TYPES.contains(type)) {
                throw wrong("has fs_type \"" + shown(type) + "\"; ext4, ext3 and xfs can be mounted");
            }
            return type;
        }

        private String fsGroup(String group) throws ConfigException {
            boolean fits = NUMBER.matcher(group).matches() && Long.parseLong(group) <= Integer.MAX_VALUE;
            if (!group.isEmpty() && !fits) {
                throw wrong("has fs_group \"" + shown(group) + "\", not the number of a group");
            }
            return group;
        }

        private String encryptType(String type) throws ConfigException {
            return switch (type.toLowerCase(Locale.ROOT)) {
                case "" -> "";
                case "luks", "luks2" -> "luks2";
                default -> throw wrong("has encrypt_type \"" + shown(type) + "\"; luks2 is what there is");
            };
        }

        private String keyId(String key, String encryptType) throws ConfigException {
            String id = key.startsWith(KEY_SCHEME) ? key.substring(KEY_SCHEME.length()) : key;
            if (!encryptType.isEmpty() && id.isEmpty()) {
                throw wrong("is encrypted (" + encryptType + ") and names no key: metadata kbs-key-id of the volume");
            }
            if (!id.isEmpty() && (!KEY_ID.matcher(id).matches() || climbs(id))) {
                throw wrong("has key_id \"" + shown(id) + "\", not a path such as default/key/1");
            }
            return id;
        }

        private String option(String option, String fsType) throws ConfigException {
            if (!OPTIONS.contains(option) || (option.equals("nouuid") && !fsType.equals("xfs"))) {
                throw wrong("has mount option \"" + shown(option) + "\", which is not among those allowed for " + fsType
                        + "; take it out of the volume's mountOptions");
            }
            return option;
        }

        private List<String> options(JsonObject json) throws ConfigException {
            JsonElement element = json.get("options");
            if (element == null || element.isJsonNull()) {
                return List.of();
            }
            if (!(element instanceof JsonArray array) || array.size() > MOST) {
                throw wrong("has options that are no list of at most " + MOST);
            }
            List<String> words = new ArrayList<>();
            for (JsonElement word : array) {
                if (!word.isJsonPrimitive()) {
                    throw wrong("has an option that is no word");
                }
                words.add(word.getAsString().strip());
            }
            return words;
        }

        private boolean flag(JsonObject json, String key) throws ConfigException {
            return switch (text(json, key)) {
                case "", "false" -> false;
                case "true" -> true;
                default -> throw wrong("has " + key + " that is neither true nor false");
            };
        }

        private String text(JsonObject json, String key) throws ConfigException {
            JsonElement element = json.get(key);
            if (element == null || element.isJsonNull()) {
                return "";
            }
            if (!element.isJsonPrimitive()) {
                throw wrong("has " + key + " that is no text");
            }
            return element.getAsString();
        }

        private ConfigException wrong(String what) {
            return new ConfigException(ANNOTATION + ": " + shown(name) + " " + what);
        }
    }
}
