package io.peerpods.cloud.aws.config;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Settings;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Pattern;

/**
 * The settings of the provider as typed values, each checked on its own. Lists that are empty and texts that are empty
 * mean "not set". {@link #toString} shows no secret.
 *
 * @param instanceTypeGiven whether the operator named the default type, or a launch template may
 * @param rootVolumeGiven whether the operator named the size, or a launch template may
 * @param confidentialGiven whether the operator decided about confidential VMs, or a launch template may
 */
public record AwsConfig(
        Optional<StaticKeys> keys,
        String profile,
        String region,
        Optional<URI> endpoint,
        URI metadataEndpoint,
        Duration callTimeout,
        String image,
        String instanceType,
        boolean instanceTypeGiven,
        List<String> instanceTypes,
        Optional<Path> prices,
        List<CapacityType> capacity,
        List<String> subnets,
        List<String> groups,
        List<String> secondarySubnets,
        List<String> secondaryGroups,
        String keyName,
        String instanceProfile,
        Optional<String> template,
        boolean publicIp,
        TwoNic twoNic,
        int rootVolumeGib,
        boolean rootVolumeGiven,
        boolean confidential,
        boolean confidentialGiven,
        SequencedMap<String, String> tags) {

    /** How a VM with two interfaces gets a public address. */
    public enum TwoNic {
        /** Elastic IPs; both interfaces are part of the launch. */
        EIP,
        /** An automatic address; the secondary interface is attached while the VM boots. */
        ATTACH
    }

    /** Static credentials. */
    public record StaticKeys(String id, String secret, String session) {

        @Override
        public String toString() {
            return "StaticKeys[***]";
        }
    }

    private static final Pattern REGION = Pattern.compile("[a-z0-9]+(-[a-z0-9]+)*");

    /** EC2 allows 50 tags; nine are the provider's own, Name included. */
    private static final int MOST_TAGS = 40;

    /**
     * Reads the settings.
     *
     * @throws CloudException naming flag, key, value and what is allowed
     */
    public static AwsConfig of(Settings settings) throws CloudException {
        int root = settings.number(AwsSettings.ROOT_VOLUME_SIZE);
        if (root < 0 || root > 65536) {
            throw bad(AwsSettings.ROOT_VOLUME_SIZE, Integer.toString(root), "0 to 65536 (GiB)");
        }
        Duration timeout = settings.duration(AwsSettings.CALL_TIMEOUT);
        if (timeout.compareTo(Duration.ofSeconds(1)) < 0 || timeout.compareTo(Duration.ofMinutes(5)) > 0) {
            throw bad(AwsSettings.CALL_TIMEOUT, timeout.toString(), "1s to 5m");
        }
        String type = settings.text(AwsSettings.INSTANCE_TYPE);
        if (type.isEmpty()) {
            throw bad(AwsSettings.INSTANCE_TYPE, "", "an instance type, such as m6a.large");
        }
        String prices = settings.text(AwsSettings.PRICES);
        Optional<String> template = settings.on(AwsSettings.USE_TEMPLATE)
                ? Optional.of(settings.text(AwsSettings.TEMPLATE))
                : Optional.empty();
        if (template.isPresent() && template.get().isEmpty()) {
            throw bad(AwsSettings.TEMPLATE, "", "the name of a launch template, since use-lt is on");
        }
        String image = settings.text(AwsSettings.IMAGE);
        if (image.isEmpty() && template.isEmpty()) {
            throw bad(AwsSettings.IMAGE, "", "the id of an image, such as ami-0123456789abcdef0");
        }
        return new AwsConfig(
                keys(settings),
                settings.text(AwsSettings.PROFILE),
                region(settings),
                settings.text(AwsSettings.ENDPOINT).isEmpty()
                        ? Optional.empty()
                        : Optional.of(uri(settings, AwsSettings.ENDPOINT)),
                uri(settings, AwsSettings.METADATA_ENDPOINT),
                timeout,
                image,
                type,
                settings.isGiven(AwsSettings.INSTANCE_TYPE),
                List.copyOf(settings.list(AwsSettings.INSTANCE_TYPES)),
                prices.isEmpty() ? Optional.empty() : Optional.of(Path.of(prices)),
                capacity(settings),
                List.copyOf(settings.list(AwsSettings.SUBNETS)),
                List.copyOf(settings.list(AwsSettings.GROUPS)),
                List.copyOf(settings.list(AwsSettings.SECONDARY_SUBNETS)),
                List.copyOf(settings.list(AwsSettings.SECONDARY_GROUPS)),
                settings.text(AwsSettings.KEY_NAME),
                settings.text(AwsSettings.INSTANCE_PROFILE),
                template,
                settings.on(AwsSettings.PUBLIC_IP),
                twoNic(settings),
                root,
                settings.isGiven(AwsSettings.ROOT_VOLUME_SIZE),
                !settings.on(AwsSettings.DISABLE_CVM),
                settings.isGiven(AwsSettings.DISABLE_CVM),
                tags(settings));
    }

    private static Optional<StaticKeys> keys(Settings settings) throws CloudException {
        String id = settings.text(AwsSettings.ACCESS_KEY_ID);
        String secret = settings.text(AwsSettings.SECRET_KEY);
        if (id.isEmpty() != secret.isEmpty()) {
            Setting missing = id.isEmpty() ? AwsSettings.ACCESS_KEY_ID : AwsSettings.SECRET_KEY;
            throw bad(missing, "", "a value, since the other half of the static credentials is set");
        }
        return id.isEmpty()
                ? Optional.empty()
                : Optional.of(new StaticKeys(id, secret, settings.text(AwsSettings.SESSION_TOKEN)));
    }

    private static String region(Settings settings) throws CloudException {
        String text = settings.text(AwsSettings.REGION);
        if (!text.isEmpty() && !isRegion(text)) {
            throw bad(AwsSettings.REGION, text, "the name of a region, such as eu-central-1");
        }
        return text;
    }

    /** Whether this may be the name of a region. The SDK makes a part of a host's name of it. */
    public static boolean isRegion(String text) {
        return text.length() <= 63 && REGION.matcher(text).matches();
    }

    private static URI uri(Settings settings, Setting setting) throws CloudException {
        String text = settings.text(setting);
        try {
            URI uri = URI.create(text);
            if (uri.getHost() != null && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            // The same message as for a URI of the wrong kind.
        }
        throw bad(setting, text, "http://host or https://host, with a port where it needs one");
    }

    private static List<CapacityType> capacity(Settings settings) throws CloudException {
        List<CapacityType> types = new ArrayList<>();
        for (String word : settings.list(AwsSettings.CAPACITY)) {
            CapacityType type = CapacityType.of(word)
                    .orElseThrow(
                            () -> bad(AwsSettings.CAPACITY, word, "on-demand, spot, or both separated by a comma"));
            if (!types.contains(type)) {
                types.add(type);
            }
        }
        return types.isEmpty() ? List.of(CapacityType.ON_DEMAND) : List.copyOf(types);
    }

    private static TwoNic twoNic(Settings settings) throws CloudException {
        String text = settings.text(AwsSettings.PUBLIC_TWO_NIC);
        return switch (text) {
            case "eip" -> TwoNic.EIP;
            case "attach" -> TwoNic.ATTACH;
            default -> throw bad(AwsSettings.PUBLIC_TWO_NIC, text, "eip or attach");
        };
    }

    private static SequencedMap<String, String> tags(Settings settings) throws CloudException {
        SequencedMap<String, String> tags = new LinkedHashMap<>();
        for (String pair : settings.list(AwsSettings.TAGS)) {
            int equals = pair.indexOf('=');
            String key = equals < 0 ? "" : pair.substring(0, equals).strip();
            String value = pair.substring(equals + 1).strip();
            if (key.isEmpty() || key.length() > 128 || value.length() > 256) {
                throw bad(AwsSettings.TAGS, pair, "key=value, keys of 1 to 128 and values of up to 256 characters");
            }
            if (key.startsWith("aws:") || key.startsWith("peerpods:") || key.equals("Name")) {
                throw bad(AwsSettings.TAGS, pair, "keys other than Name, aws:... and peerpods:..., which are taken");
            }
            tags.put(key, value);
        }
        if (tags.size() > MOST_TAGS) {
            throw bad(AwsSettings.TAGS, tags.size() + " tags", "at most " + MOST_TAGS + " tags");
        }
        return tags;
    }

    private static CloudException bad(Setting setting, String value, String allowed) {
        return new InvalidRequest(
                Outcome.NOT_DONE,
                "-" + setting.flag() + " (" + setting.key() + ") is \"" + value + "\": it must be " + allowed);
    }
}
