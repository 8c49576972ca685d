package io.peerpods.linux.nft;

/** Runs nft scripts in the network namespace of the calling platform thread. */
@FunctionalInterface
public interface Nft {

    /**
     * Runs the commands as one transaction: all or nothing.
     *
     * @throws NftException with what nft said
     */
    void run(String script);
}
