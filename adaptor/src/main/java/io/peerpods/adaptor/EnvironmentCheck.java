package io.peerpods.adaptor;

import io.peerpods.cloud.CloudProviderType;
import io.peerpods.daemon.BadSettingException;
import io.peerpods.daemon.Misspelling;
import io.peerpods.daemon.Setting;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Keys that a {@code peer-pods-cm} of the existing system may have and this program does not read: named in one warning, or refused
 * where the operator would otherwise believe in a protection that is not there. Keys that are nearly those of this program are named too.
 */
final class EnvironmentCheck {

    private static final String SECURE_COMMS = "SECURE_COMMS";

    /** Why a key has no effect, and what to use instead. */
    private static final Map<String, String> NOT_SERVED = Map.of(
            "AA_KBC_PARAMS", "name the key broker in aa.toml of INITDATA",
            "CRI_RUNTIME_ENDPOINT", "the container runtime is not called",
            "PEERPODS_DEVELOPER_MODE", "a VM whose start failed is always deleted; StartVM's error says why it failed",
            "SECURE_COMMS_NO_TRUSTEE", "belongs to SECURE_COMMS",
            "SECURE_COMMS_INBOUNDS", "belongs to SECURE_COMMS",
            "SECURE_COMMS_OUTBOUNDS", "belongs to SECURE_COMMS",
            "SECURE_COMMS_PP_INBOUNDS", "belongs to SECURE_COMMS",
            "SECURE_COMMS_PP_OUTBOUNDS", "belongs to SECURE_COMMS",
            "SECURE_COMMS_KBS_ADDR", "belongs to SECURE_COMMS");

    /** Keys of clouds that the existing system has and this program has not. */
    private static final Pattern OTHER_CLOUD = Pattern.compile(
            "(AZURE|GCP|IBMCLOUD|POWERVS|LIBVIRT|ALIBABACLOUD|GOVC)_[A-Z0-9_]+|VM_POOL_IPS|MAX_RANGE_IPS|VSWITCH_ID|SYSTEM_DISK_SIZE");

    private EnvironmentCheck() {}

    /**
     * Looks at the names in the environment; at values only of keys that the existing system has.
     *
     * @return warnings, one line each
     * @throws BadSettingException when a key asks for a protection that this program does not offer
     */
    static List<String> of(Map<String, String> environment, List<CloudProviderType> types) throws BadSettingException {
        String secureComms = environment.getOrDefault(SECURE_COMMS, "").strip();
        if (isOn(secureComms)) {
            throw new BadSettingException(SECURE_COMMS + ": \""
                    + secureComms + "\" is refused: the agent path of this program is mutual"
                    + " TLS with a key for each VM, not an attested SSH tunnel; remove the key to run with mutual TLS");
        }
        TreeMap<String, String> unserved = new TreeMap<>();
        environment.forEach((key, value) -> {
            String why = NOT_SERVED.get(key);
            if (why == null && OTHER_CLOUD.matcher(key).matches()) {
                why = "belongs to a cloud that this program does not have";
            }
            if (why != null && !value.isBlank()) {
                unserved.put(key, why);
            }
        });
        List<String> warnings = new ArrayList<>();
        if (!unserved.isEmpty()) {
            List<String> parts = new ArrayList<>();
            unserved.forEach((key, why) -> parts.add(key + " (" + why + ")"));
            warnings.add("keys of the existing system without an effect here: " + String.join(", ", parts));
        }
        List<String> misspelt = new ArrayList<>();
        Misspelling.find(environment, known(types))
                .forEach((given, meant) -> misspelt.add(given + " (" + meant + "?)"));
        if (!misspelt.isEmpty()) {
            warnings.add("keys that are not known, but nearly: " + String.join(", ", misspelt));
        }
        return warnings;
    }

    /** Go's strconv.ParseBool and the existing system's own reading of a bool, both in any case. */
    private static boolean isOn(String value) {
        return Set.of("1", "t", "true").contains(value.strip().toLowerCase(Locale.ROOT));
    }

    private static Set<String> known(List<CloudProviderType> types) {
        Set<String> known = new HashSet<>(NOT_SERVED.keySet());
        known.add(SECURE_COMMS);
        SettingsTable.sections(types)
                .forEach(section -> section.settings().stream()
                        .map(Setting::key)
                        .filter(key -> !key.isEmpty())
                        .forEach(known::add));
        return known;
    }
}
