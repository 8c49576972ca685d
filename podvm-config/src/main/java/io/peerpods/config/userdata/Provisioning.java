package io.peerpods.config.userdata;

import io.peerpods.config.ConfigException;
import io.peerpods.config.Initdata;
import io.peerpods.config.PodVmPaths;
import io.peerpods.config.PrivateFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a pod VM takes out of its user-data and puts on disk: the allowed files, the entries of initdata and its digest. Files
 * that hold secrets are 0600, the others 0644; each appears whole or not at all.
 */
public final class Provisioning {
    private Provisioning() {}

    /**
     * Writes the files.
     *
     * @param root what the absolute paths are below: {@code /} in a VM
     * @return the paths written, in order, without {@code root}
     * @throws ConfigException when the initdata in it is not valid; then nothing of it is written, nor anything after it
     */
    public static List<String> write(UserData userData, Path root) throws ConfigException, IOException {
        List<String> written = new ArrayList<>();
        Optional<String> encoded = userData.content(PodVmPaths.INITDATA);
        Initdata initdata = encoded.isPresent() ? Initdata.decode(encoded.get()) : Initdata.dummy();
        // The digest comes before anything that starts a guest component, and its configuration from initdata beats the
        // document's own.
        put(root, PodVmPaths.INITDATA_DIGEST, initdata.digest(), written);
        for (UserData.File file : userData.allowed().files()) {
            String path = file.path().equals(PodVmPaths.OLD_AGENT_CONFIG) ? PodVmPaths.AGENT_CONFIG : file.path();
            if (!written.contains(path)) {
                put(root, path, file.content(), written);
            }
        }
        for (var entry : initdata.allowed().entrySet()) {
            String path = PodVmPaths.DIRECTORY + "/" + entry.getKey();
            // The dummy's empty file must not undo one that the user-data brings.
            if (encoded.isPresent() || !written.contains(path)) {
                put(root, path, entry.getValue(), written);
            }
        }
        return List.copyOf(written);
    }

    private static void put(Path root, String path, String content, List<String> written) throws IOException {
        Path file = root.resolve(path.substring(1));
        PrivateFiles.directories(file.getParent());
        boolean secret = path.equals(PodVmPaths.AGENT_CONFIG) || path.equals(PodVmPaths.AUTH);
        PrivateFiles.write(file, content, secret ? "rw-------" : "rw-r--r--");
        if (!written.contains(path)) {
            written.add(path);
        }
    }
}
