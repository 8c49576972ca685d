package io.peerpods.adaptor;

import io.peerpods.cloud.CloudProviderType;
import io.peerpods.daemon.CommandLine;
import io.peerpods.daemon.Setting;
import io.peerpods.daemon.SettingsPages;
import io.peerpods.daemon.SettingsPages.Section;
import java.util.ArrayList;
import java.util.List;

/** The one table of settings: the adaptor's and its providers'. Command line, help, peer-pods-cm.yaml and documentation come from it. */
final class SettingsTable {

    private static final List<Section> GENERAL = List.of(
            new Section("Kata and the life of sandboxes", "", AdaptorSettings.KATA),
            new Section("The agent path: worker to VM", "", AdaptorSettings.AGENT),
            new Section("The pod's network", "", AdaptorSettings.NETWORK),
            new Section("The worker", "", AdaptorSettings.WORKER),
            new Section("Services and logs", "", AdaptorSettings.SERVICES),
            new Section(
                    "Kubernetes",
                    "Read for existing deployments; see each for its effect.",
                    AdaptorSettings.KUBERNETES));

    private SettingsTable() {}

    /** The command line of one provider. */
    static CommandLine of(CloudProviderType type) {
        List<Setting> all = new ArrayList<>(type.settings());
        GENERAL.forEach(section -> all.addAll(section.settings()));
        return new CommandLine(all);
    }

    static List<Section> sections(List<CloudProviderType> types) {
        List<Section> sections = new ArrayList<>(GENERAL);
        for (CloudProviderType type : types) {
            sections.add(new Section("Provider " + type.name(), upperFirst(type.summary()) + ".", type.settings()));
        }
        return sections;
    }

    private static String upperFirst(String text) {
        return Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }

    static String configMap(List<CloudProviderType> types) {
        return SettingsPages.configMap(
                "Every setting of the adaptor with its default. Made from the program's own table; an empty value is the same as no key.",
                "peer-pods-cm",
                "peer-pods-secret",
                sections(types));
    }

    static String markdown(List<CloudProviderType> types) {
        return SettingsPages.markdown("Configuration of the adaptor", """
                This page is made from the program's own table of settings, as is `config/peer-pods-cm.yaml`.

                Each setting is a flag of `adaptor <provider>` and a key of the ConfigMap `peer-pods-cm`, which becomes an environment \
                variable. The flag beats the environment, which beats the default; an empty variable counts as unset. \
                Blanks and line ends around a value are no part of it. Flags have one dash or two, and take `=value` or the next word; a bool is switched on by its name alone. Durations are written `1h2m3s`, whole \
                numbers in decimal or as `0x..`. Lists are comma-separated; a list flag replaces the environment's list (the system whose \
                settings these are would add to it). A value that cannot be read stops the start with one line that names it: nothing is \
                ignored silently.

                `NOTIFY_SOCKET`, set by systemd, is where readiness is told. The AWS SDK reads variables of its own, such as \
                `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE`. `HTTPS_PROXY`, `NO_PROXY`, `AWS_CA_BUNDLE` and `SSL_CERT_FILE` are \
                in [aws.md](aws.md#proxy-and-certificate-authorities).""", sections(types));
    }
}
