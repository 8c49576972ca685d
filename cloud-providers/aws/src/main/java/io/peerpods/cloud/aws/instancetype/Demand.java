package io.peerpods.cloud.aws.instancetype;

/**
 * What one pod wants of an instance type.
 *
 * @param exact the type by name, or empty
 * @param vcpus 0 when unspecified; Kata sends fractions
 * @param memoryMib 0 when unspecified
 * @param gpus 0 when none
 * @param gpuModel the GPUs' name, or empty
 * @param interfaces network interfaces wanted
 * @param confidential whether SEV-SNP is wanted
 * @param architecture the image's, or empty when not known
 */
public record Demand(
        String exact,
        double vcpus,
        long memoryMib,
        int gpus,
        String gpuModel,
        int interfaces,
        boolean confidential,
        String architecture) {

    /** Whether it asks for nothing that decides a size. */
    public boolean isUnsized() {
        return vcpus <= 0 && memoryMib <= 0 && gpus <= 0;
    }

    /** Whether a type has the size. Types with GPUs are only for those who ask for GPUs. */
    boolean fits(InstanceType type) {
        boolean gpu = gpus > 0
                ? type.gpus() >= gpus && (gpuModel.isEmpty() || gpuModel.equalsIgnoreCase(type.gpuModel()))
                : type.gpus() == 0;
        return gpu && type.vcpus() >= vcpus && type.memoryMib() >= memoryMib;
    }

    /** What keeps a type of the right size from being launched, or empty. */
    String obstacle(InstanceType type) {
        if (confidential && !type.snp()) {
            return type.name()
                    + " does not support AMD SEV-SNP: set DISABLECVM=true, or use a type that does (m6a, c6a,"
                    + " r6a)";
        }
        if (type.interfaces() < interfaces) {
            return type.name() + " can have " + type.interfaces() + " network interfaces, the external network needs "
                    + interfaces;
        }
        if (!architecture.isEmpty() && !type.architectures().contains(architecture)) {
            return type.name() + " does not run " + architecture + ", which the image is made for";
        }
        return "";
    }
}
