package io.peerpods.cloud.aws.template;

import java.util.List;

/**
 * What a launch template brings, as far as it stands in for settings. Empty where it says nothing.
 *
 * @param version the number of the version that launches use
 * @param rootVolume whether it has block devices of its own
 * @param cpuOptions whether it has CPU options of its own
 */
public record LaunchTemplate(
        String name,
        String version,
        String image,
        String instanceType,
        String keyName,
        String subnet,
        List<String> groups,
        boolean rootVolume,
        boolean cpuOptions) {

    public LaunchTemplate {
        groups = List.copyOf(groups);
    }
}
