package io.peerpods.config.tls;

/** Names in certificates that both sides agree on. */
public final class TlsNames {
    /** What a VM's certificate is called when it comes from the operator's own CA, the same for every VM. */
    public static final String MANUAL_SERVER = "podvm-server";

    private TlsNames() {}
}
