package io.peerpods.linux.nft;

/** nft refused a transaction, or could not be run; nothing of the transaction is in force. */
public final class NftException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public NftException(String message) {
        super(message);
    }

    public NftException(String message, Throwable cause) {
        super(message, cause);
    }
}
