package io.peerpods.cloud.aws.instancetype;

import java.util.Set;

/**
 * An instance type as far as pod VMs are concerned.
 *
 * @param gpuModel the GPUs' name, such as {@code A10G}, or empty
 * @param architectures what runs on it, such as {@code x86_64}
 * @param interfaces how many network interfaces it can have
 * @param snp whether it supports AMD SEV-SNP
 * @param bootModes how it boots, such as {@code uefi}; empty when EC2 does not say
 */
public record InstanceType(
        String name,
        int vcpus,
        long memoryMib,
        int gpus,
        String gpuModel,
        Set<String> architectures,
        int interfaces,
        boolean snp,
        Set<String> bootModes) {

    public InstanceType {
        architectures = Set.copyOf(architectures);
        bootModes = Set.copyOf(bootModes);
    }

    /**
     * The account limit that running instances of this type count against: on-demand families share limits in these
     * groups (EC2 user guide, "On-Demand Instance quotas").
     */
    public String quotaGroup() {
        String family = name.replaceFirst("[0-9].*", "");
        return switch (family) {
            case "a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z" -> "standard";
            case "g", "gr", "vt" -> "g";
            default -> family;
        };
    }
}
