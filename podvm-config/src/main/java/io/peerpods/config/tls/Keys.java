package io.peerpods.config.tls;

import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;

/** Whether a private key and a certificate are a pair: what one signs the other verifies. */
final class Keys {
    private static final byte[] PROBE = "peerpods".getBytes(java.nio.charset.StandardCharsets.US_ASCII);

    private Keys() {}

    static boolean belong(Credentials credentials) {
        PrivateKey key = credentials.key();
        PublicKey certified = credentials.certificate().getPublicKey();
        String algorithm = switch (key.getAlgorithm()) {
            case "EC" -> "SHA256withECDSA";
            case "RSA" -> "SHA256withRSA";
            default -> "EdDSA";
        };
        try {
            Signature sign = Signature.getInstance(algorithm);
            sign.initSign(key);
            sign.update(PROBE);
            Signature verify = Signature.getInstance(algorithm);
            verify.initVerify(certified);
            verify.update(PROBE);
            return verify.verify(sign.sign());
        } catch (GeneralSecurityException e) {
            return false;
        }
    }
}
