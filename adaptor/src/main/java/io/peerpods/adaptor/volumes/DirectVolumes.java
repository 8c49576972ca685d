package io.peerpods.adaptor.volumes;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.peerpods.cloud.VolumeSpec;
import io.peerpods.daemon.OutsideText;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cloud volumes of a pod, from Kata's direct-volume files.
 *
 * <p>A CSI node driver leaves {@code <directory>/<base64url of the target path>/mountInfo.json} with the keys
 * {@code volume-type}, {@code device}, {@code fstype}, {@code metadata} and {@code options} (Kata:
 * {@code src/runtime/pkg/direct-volume}); newer drivers write {@code readonly} and {@code fs-group} beside them. The directory holds the files of every pod on the node: only those whose
 * target path lies under the pod's own UID belong to a pod.
 */
public final class DirectVolumes {

    /** Where Kata keeps them on a worker. */
    public static final Path DIRECTORY = Path.of("/run/kata-containers/shared/direct-volumes");

    /** Option of a {@link VolumeSpec}: the path on the worker that kubelet mounts into the containers. */
    public static final String TARGET_PATH = "target-path";

    /** Option of a {@link VolumeSpec}: the file system to mount, such as {@code ext4}. */
    public static final String FS_TYPE = "fstype";

    /** Option of a {@link VolumeSpec}: the mount options, comma-separated. */
    public static final String MOUNT_OPTIONS = "options";

    /** Option of a {@link VolumeSpec}, from the metadata: the group that owns the files. */
    public static final String FS_GROUP = "fsGroup";

    /** Option of a {@link VolumeSpec}, from the metadata: how the volume is encrypted in the VM. */
    public static final String ENCRYPT_TYPE = "encrypt-type";

    /** Option of a {@link VolumeSpec}, from the metadata: the key's name at the key broker. */
    public static final String KEY_ID = "kbs-key-id";

    private static final String VOLUME_PATH = "cloud-volume-path";
    private static final String FILE = "mountInfo.json";
    private static final String CSI = "/volumes/kubernetes.io~csi/";
    private static final long LARGEST_FILE = 256 * 1024L;

    /** A file name has at most 255 characters, and base64 has four for three bytes. */
    private static final int LONGEST_TARGET = 189;

    /** A name, or a path of names as on Azure. */
    private static final Pattern VOLUME_ID = Pattern.compile("[A-Za-z0-9/][A-Za-z0-9/_.:@+=-]{0,511}");

    private static final Logger log = LoggerFactory.getLogger(DirectVolumes.class);

    private final Path directory;

    public DirectVolumes(Path directory) {
        this.directory = directory;
    }

    /**
     * The volumes of one pod, named {@code vol-0} and on in the order of their target paths; the same files give the
     * same list.
     *
     * @param podUid the pod's UID; when it is not known (empty), no volume at all is the pod's, and a warning says so:
     *     the files of other pods are on the same node
     */
    public List<VolumeSpec> of(String podUid) {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        Map<String, Path> files = byTargetPath();
        if (podUid.isEmpty()) {
            if (!files.isEmpty()) {
                log.warn(
                        "the pod's UID is not known: none of the {} direct volumes in {} is attached;"
                                + " a runtime that sends io.kubernetes.cri.sandbox-uid makes it known, or an API service that lets"
                                + " the adaptor get pods",
                        files.size(),
                        directory);
            }
            return List.of();
        }
        String owner = "/pods/" + podUid;
        List<VolumeSpec> volumes = new ArrayList<>();
        files.forEach((target, file) -> {
            if (target.substring(0, target.indexOf(CSI)).endsWith(owner)) {
                read(target, file, "vol-" + volumes.size()).ifPresent(volumes::add);
            }
        });
        return List.copyOf(volumes);
    }

    /** Whether there is any file, of whatever pod. */
    public boolean isEmpty() {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            return !entries.iterator().hasNext();
        } catch (IOException | DirectoryIteratorException e) {
            return true; // no directory, no volumes
        }
    }

    /** Whether what is mounted from this path of the worker is a CSI volume that has a file here. */
    public boolean has(String targetPath) {
        if (!targetPath.contains(CSI) || targetPath.length() > LONGEST_TARGET) {
            return false;
        }
        String name = Base64.getUrlEncoder().encodeToString(targetPath.getBytes(StandardCharsets.UTF_8));
        return Files.isDirectory(directory.resolve(name));
    }

    private Map<String, Path> byTargetPath() {
        Map<String, Path> found = new TreeMap<>();
        try (Stream<Path> entries = Files.list(directory)) {
            entries.forEach(entry -> targetPath(entry.getFileName().toString()).ifPresent(target -> {
                if (target.contains(CSI)) {
                    found.put(target, entry.resolve(FILE));
                }
            }));
        } catch (IOException e) {
            log.warn("direct volumes in {} cannot be listed: {}", directory, e.toString());
        }
        return found;
    }

    private static Optional<String> targetPath(String name) {
        try {
            String path = new String(Base64.getUrlDecoder().decode(name), StandardCharsets.UTF_8);
            boolean climbs = path.contains("/../") || path.endsWith("/..");
            boolean isPath = path.startsWith("/") && !climbs && OutsideText.isPrintable(path);
            return isPath ? Optional.of(path) : Optional.empty();
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static Optional<VolumeSpec> read(String target, Path file, String name) {
        try {
            if (Files.size(file) > LARGEST_FILE) {
                throw new IOException("larger than " + LARGEST_FILE + " bytes");
            }
            JsonElement json = JsonParser.parseString(Files.readString(file));
            if (!json.isJsonObject()) {
                throw new JsonParseException("not an object");
            }
            return volume(target, json.getAsJsonObject(), name);
        } catch (IOException | JsonParseException | IllegalStateException | UnsupportedOperationException e) {
            log.warn("direct volume {} for {} is left out: {}", file, target, e.toString());
            return Optional.empty();
        }
    }

    private static Optional<VolumeSpec> volume(String target, JsonObject info, String name) {
        Map<String, String> options = new TreeMap<>();
        if (info.get("metadata") instanceof JsonObject metadata) {
            metadata.entrySet().forEach(entry -> {
                if (entry.getValue().isJsonPrimitive()) {
                    options.put(entry.getKey(), entry.getValue().getAsString());
                }
            });
        }
        String id = Optional.ofNullable(options.remove(VOLUME_PATH))
                .filter(path -> !path.isEmpty())
                .orElseGet(() -> text(info, "device"));
        if (id.isEmpty()) {
            log.warn("direct volume for {} is left out: neither metadata {} nor device names it", target, VOLUME_PATH);
            return Optional.empty();
        }
        if (!VOLUME_ID.matcher(id).matches()) {
            log.warn(
                    "direct volume for {} is left out: \"{}\" is no cloud's name of a volume",
                    target,
                    OutsideText.shown(id));
            return Optional.empty();
        }
        options.put(TARGET_PATH, target);
        putIfGiven(options, FS_TYPE, text(info, "fstype"));
        String group = text(info, "fs-group");
        if (!group.isEmpty()) {
            options.putIfAbsent(FS_GROUP, group);
        }
        putIfGiven(options, "volume-type", text(info, "volume-type"));
        List<String> words = new ArrayList<>();
        if (info.get("options") instanceof JsonArray mount) {
            mount.forEach(word -> words.add(word.getAsString()));
        }
        if (text(info, "readonly").equals("true")) {
            words.add("ro");
        }
        putIfGiven(options, MOUNT_OPTIONS, String.join(",", words));
        for (Map.Entry<String, String> option : options.entrySet()) {
            if (!OutsideText.isPrintable(option.getKey()) || !OutsideText.isPrintable(option.getValue())) {
                log.warn(
                        "direct volume for {} is left out: {} has characters that are not printable",
                        target,
                        OutsideText.shown(option.getKey()));
                return Optional.empty();
            }
        }
        return Optional.of(new VolumeSpec(name, id, options));
    }

    private static void putIfGiven(Map<String, String> options, String key, String value) {
        if (!value.isEmpty()) {
            options.put(key, value);
        }
    }

    private static String text(JsonObject object, String key) {
        JsonElement value = object.get(key);
        return value != null && value.isJsonPrimitive() ? value.getAsString() : "";
    }
}
