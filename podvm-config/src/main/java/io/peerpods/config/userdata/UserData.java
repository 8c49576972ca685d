package io.peerpods.config.userdata;

import io.peerpods.config.ConfigException;
import io.peerpods.config.PodVmPaths;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The user-data of a pod VM: a {@code #cloud-config} document whose {@code write_files} list brings a few files. Writing
 * follows the existing system's template (each content a literal block indented by six spaces); reading is
 * {@link UserDataParser}'s, and {@link #allowed()} is what a VM may take from it.
 *
 * @param files in the order of the document; a path is there once
 */
public record UserData(List<File> files) {

    /** The paths that a VM accepts, compared letter by letter: everything else in the document is left out. */
    public static final Set<String> ALLOWED_PATHS = Set.of(
            PodVmPaths.ATTESTATION_AGENT,
            PodVmPaths.DATA_HUB,
            PodVmPaths.AGENT_CONFIG,
            PodVmPaths.OLD_AGENT_CONFIG,
            PodVmPaths.AUTH,
            PodVmPaths.INITDATA,
            PodVmPaths.SCRATCH_SPACE_MARKER);

    /** The longest document that is read, in bytes: clouds allow 16 to 64 KiB. */
    public static final int MAX_BYTES = 256 * 1024;

    private static final String INDENT = "      ";

    /** One file: an absolute path and its text. */
    public record File(String path, String content) {
        public File {
            if (!path.matches("/[A-Za-z0-9_./-]*")) {
                throw new IllegalArgumentException("user-data: \"" + path + "\" is no plain absolute path");
            }
        }

        @Override
        public String toString() {
            return path + " (" + content.length() + " characters)";
        }
    }

    public UserData {
        files = List.copyOf(files);
        Set<String> paths = new HashSet<>();
        for (File file : files) {
            if (!paths.add(file.path())) {
                throw new IllegalArgumentException("user-data: " + file.path() + " is there twice");
            }
        }
    }

    /** Reads a document; see {@link UserDataParser}. */
    public static UserData parse(String document) throws ConfigException {
        return UserDataParser.parse(document);
    }

    /**
     * The document. A content that lacks a final newline gains one, as in the existing system.
     *
     * @throws IllegalArgumentException for a content that YAML cannot carry as a literal block (control characters)
     */
    public String render() {
        StringBuilder out = new StringBuilder("#cloud-config\n\nwrite_files:\n");
        for (File file : files) {
            out.append("  - path: ").append(file.path()).append('\n');
            if (!file.content().isEmpty()) {
                renderContent(out, file);
            }
        }
        return out.toString();
    }

    private static void renderContent(StringBuilder out, File file) {
        String content = file.content();
        content.codePoints().filter(point -> !printable(point)).findFirst().ifPresent(point -> {
            throw new IllegalArgumentException("user-data: " + file.path() + " contains the character U+"
                    + String.format("%04X", point) + ", which a literal block cannot carry");
        });
        String text = content.endsWith("\n") ? content : content + "\n";
        out.append("    content: |");
        // A first line that is blank or indented would be taken for the block's own indent; more than one final newline
        // is cut unless kept.
        if (text.startsWith(" ") || text.startsWith("\n")) {
            out.append('2');
        }
        if (text.endsWith("\n\n") || text.equals("\n")) {
            out.append('+');
        }
        out.append('\n');
        for (String line : text.substring(0, text.length() - 1).split("\n", -1)) {
            out.append(line.isEmpty() ? "" : INDENT).append(line).append('\n');
        }
    }

    // What YAML 1.1 and Go's parser both take as it stands, without its line breaks other than \n.
    private static boolean printable(int point) {
        return point == '\n'
                || point == '\t'
                || (point >= 0x20 && point <= 0x7e)
                || (point >= 0xa0 && point <= 0xd7ff && point != 0x2028 && point != 0x2029)
                || (point >= 0xe000 && point <= 0xfffd && point != 0xfeff)
                || (point >= 0x10000 && point <= 0x10ffff);
    }

    /** The text of a file, if the document brings it. */
    public Optional<String> content(String path) {
        return files.stream()
                .filter(file -> file.path().equals(path))
                .map(File::content)
                .findFirst();
    }

    /** The agent's configuration under its present or its older name. */
    public Optional<String> agentConfig() {
        return content(PodVmPaths.AGENT_CONFIG).or(() -> content(PodVmPaths.OLD_AGENT_CONFIG));
    }

    /** Only what a VM may take. */
    public UserData allowed() {
        return new UserData(files.stream()
                .filter(file -> ALLOWED_PATHS.contains(file.path()))
                .toList());
    }

    /** The paths that a VM leaves out, to be logged. */
    public List<String> refused() {
        return files.stream()
                .map(File::path)
                .filter(path -> !ALLOWED_PATHS.contains(path))
                .toList();
    }

    /** Collects files in order. */
    public static Builder builder() {
        return new Builder();
    }

    /** Not for use by several threads at once. */
    public static final class Builder {
        private final List<File> files = new ArrayList<>();

        private Builder() {}

        public Builder file(String path, String content) {
            files.add(new File(path, content));
            return this;
        }

        public UserData build() {
            return new UserData(files);
        }
    }
}
