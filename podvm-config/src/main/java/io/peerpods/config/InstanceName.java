package io.peerpods.config;

import java.util.Locale;

/**
 * The name of a pod's VM, which is also the name in its TLS certificate: {@code podvm-<pod>-<first 8 of the sandbox id>},
 * the pod's part cut so that the whole is a DNS label, without hyphens at its end.
 */
public final class InstanceName {
    /** Longest name: one DNS label. */
    public static final int MAX_LENGTH = 63;

    private static final String PREFIX = "podvm";
    private static final int ID_LENGTH = 8;

    private InstanceName() {}

    /** The name for a pod's sandbox. Neither part may be empty. */
    public static String of(String podName, String sandboxId) {
        if (podName.isEmpty() || sandboxId.isEmpty()) {
            throw new IllegalArgumentException("an instance name needs a pod name and a sandbox id, got \"" + podName
                    + "\" and \"" + sandboxId + "\"");
        }
        String pod = cut(clean(podName), MAX_LENGTH - PREFIX.length() - ID_LENGTH - 2);
        String name = PREFIX + "-" + pod + "-" + cut(clean(sandboxId), ID_LENGTH);
        // A DNS label, and so a name in TLS, ends with a letter or digit; an id that is cut may not.
        return name.replaceAll("-+$", "");
    }

    private static String clean(String text) {
        return text.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9-]", "-");
    }

    private static String cut(String text, int length) {
        return text.substring(0, Math.min(length, text.length()));
    }
}
