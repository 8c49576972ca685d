package io.peerpods.room;

/** A subnet of the room is full. */
public final class NoFreeAddressException extends IllegalStateException {

    private static final long serialVersionUID = 1L;

    NoFreeAddressException(String message) {
        super(message);
    }
}
