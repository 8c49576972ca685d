package io.peerpods.ttrpc.frame;

/** A message that does not fit into a frame. The text is containerd's. */
public final class OversizedException extends Exception {
    private static final long serialVersionUID = 1L;

    OversizedException(long length) {
        super(text(length));
    }

    public static String text(long length) {
        return "message length " + length + " exceed maximum message size of " + Frame.MAX_DATA;
    }
}
