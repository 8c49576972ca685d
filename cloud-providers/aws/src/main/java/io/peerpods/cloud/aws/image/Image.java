package io.peerpods.cloud.aws.image;

/**
 * An image of pod VMs.
 *
 * @param state such as {@code available}
 * @param rootDevice the device name of its root volume
 * @param rootGib the size of its root volume
 * @param bootMode such as {@code uefi}, or empty when the image leaves it to the type
 */
public record Image(String id, String state, String architecture, String rootDevice, int rootGib, String bootMode) {}
