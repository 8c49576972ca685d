package io.peerpods.adaptor.sandbox;

import io.grpc.StatusException;
import io.peerpods.cloud.SandboxId;
import io.peerpods.config.ConfigException;
import io.peerpods.config.Initdata;
import io.peerpods.daemon.OutsideText;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What Kata says of a pod when it creates its sandbox: the annotations of CreateVM, read. Every key may be absent or empty. The texts go
 * into log lines, tags and names, so they are of limited length and printable.
 *
 * @param uid the pod's UID, empty when the runtime does not tell: containerd's annotations do not have it, CRI-O's name of the
 *     sandbox does
 * @param vcpus CPUs wanted, 0 when unspecified; runtime-rs sends fractions
 * @param initdata the pod's own initdata
 */
record PodRequest(
        String name,
        String namespace,
        String uid,
        String instanceType,
        double vcpus,
        long memoryMib,
        int gpus,
        String gpuModel,
        String image,
        Optional<Initdata> initdata) {

    private static final String CRI = "io.kubernetes.cri.";
    private static final String CRIO = "io.kubernetes.cri-o.";
    private static final String HYPERVISOR = "io.katacontainers.config.hypervisor.";

    /** Longest names of a pod and of a namespace in Kubernetes, in characters. */
    private static final int LONGEST_NAME = 253;

    private static final int LONGEST_NAMESPACE = 63;
    private static final int LONGEST_UID = 128;

    /** Longest type, image or model that a cloud has, and then some, in characters. */
    private static final int LONGEST_TEXT = 512;

    // Kubernetes allows small letters, digits, dots and hyphens; crictl names its pods as it likes.
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?");
    private static final Pattern TEXT = Pattern.compile("[\\x20-\\x7e]*");

    /** Namespace and name, for messages. */
    String pod() {
        return namespace + "/" + name;
    }

    /** The pod in messages when nothing else of the request can be trusted yet; empty without a name. */
    static String podOf(Map<String, String> annotations) {
        String name = name(annotations);
        return name.isEmpty() ? "" : OutsideText.shown(namespace(annotations) + "/" + name);
    }

    /**
     * Reads the annotations.
     *
     * @throws StatusException INVALID_ARGUMENT naming sandbox and annotation
     */
    static PodRequest of(SandboxId id, Map<String, String> annotations) throws StatusException {
        String name = name(annotations);
        String namespace = namespace(annotations);
        if (name.isEmpty() || namespace.isEmpty()) {
            throw SandboxIds.invalid(
                    "sandbox " + id + ": its pod's " + (name.isEmpty() ? "name" : "namespace") + " is not given"
                            + " (annotation " + CRI + "sandbox-" + (name.isEmpty() ? "name" : "namespace")
                            + "); sandboxes that are not made by a kubelet have none and are not served");
        }
        String who = "sandbox " + id + " of pod " + OutsideText.shown(namespace + "/" + name) + ": ";
        String uid = uid(annotations);
        requireName(who + "its pod's name", name, LONGEST_NAME);
        requireName(who + "its pod's namespace", namespace, LONGEST_NAMESPACE);
        if (!uid.isEmpty()) {
            requireName(who + "its pod's UID", uid, LONGEST_UID);
        }
        return new PodRequest(
                name,
                namespace,
                uid,
                text(who, annotations, HYPERVISOR + "machine_type"),
                number(who, annotations, HYPERVISOR + "default_vcpus", 100_000),
                (long) number(who, annotations, HYPERVISOR + "default_memory", 1L << 40),
                (int) number(who, annotations, HYPERVISOR + "default_gpus", 100_000),
                text(who, annotations, HYPERVISOR + "default_gpu_model"),
                text(who, annotations, HYPERVISOR + "image"),
                initdata(who, text(annotations, HYPERVISOR + "cc_init_data")));
    }

    // CRI-O's name of a sandbox is k8s_<pod>_<namespace>_<uid>_<attempt>; no pod's own name has an underscore.
    private static String name(Map<String, String> annotations) {
        String name = first(annotations, CRI + "sandbox-name", CRIO + "KubeName", CRIO + "SandboxName");
        String[] fields = name.split("_", -1);
        return fields.length >= 5 && fields[0].equals("k8s") ? fields[1] : name;
    }

    private static String uid(Map<String, String> annotations) {
        String uid = text(annotations, CRI + "sandbox-uid");
        String[] fields =
                first(annotations, CRI + "sandbox-name", CRIO + "SandboxName").split("_", -1);
        return uid.isEmpty() && fields.length >= 5 && fields[0].equals("k8s") ? fields[3] : uid;
    }

    private static String namespace(Map<String, String> annotations) {
        return first(annotations, CRI + "sandbox-namespace", CRIO + "Namespace");
    }

    private static String first(Map<String, String> annotations, String... keys) {
        for (String key : keys) {
            String value = text(annotations, key);
            if (!value.isEmpty()) {
                return value;
            }
        }
        return "";
    }

    private static String text(Map<String, String> annotations, String key) {
        return annotations.getOrDefault(key, "").strip();
    }

    private static String text(String who, Map<String, String> annotations, String key) throws StatusException {
        String text = text(annotations, key);
        if (text.length() > LONGEST_TEXT || !TEXT.matcher(text).matches()) {
            throw SandboxIds.invalid(who + "annotation " + key + " is \"" + OutsideText.shown(text) + "\", not at most "
                    + LONGEST_TEXT + " printable characters");
        }
        return text;
    }

    private static void requireName(String what, String name, int longest) throws StatusException {
        if (name.length() > longest || !NAME.matcher(name).matches()) {
            throw SandboxIds.invalid(what + " \"" + OutsideText.shown(name) + "\" is not 1 to " + longest
                    + " letters, digits and inner . _ -");
        }
    }

    private static double number(String who, Map<String, String> annotations, String key, double most)
            throws StatusException {
        String text = text(annotations, key);
        if (text.isEmpty()) {
            return 0;
        }
        try {
            double value = Double.parseDouble(text);
            if (value >= 0 && value <= most) {
                return value;
            }
        } catch (NumberFormatException e) {
            // Refused below, like a number out of range.
        }
        throw SandboxIds.invalid(
                who + "annotation " + key + " is \"" + OutsideText.shown(text) + "\", not a number from 0 on");
    }

    private static Optional<Initdata> initdata(String who, String document) throws StatusException {
        if (document.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(Initdata.parse(document));
        } catch (ConfigException e) {
            throw SandboxIds.invalid(who + "annotation " + HYPERVISOR + "cc_init_data: " + e.getMessage());
        }
    }
}
