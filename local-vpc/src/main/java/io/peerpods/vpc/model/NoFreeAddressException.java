package io.peerpods.vpc.model;

/** A subnet of the VPC is full. */
public final class NoFreeAddressException extends IllegalStateException {

    private static final long serialVersionUID = 1L;

    public NoFreeAddressException(String message) {
        super(message);
    }
}
