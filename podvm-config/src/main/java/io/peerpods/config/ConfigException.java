package io.peerpods.config;

/** Something that came from outside (a file, user-data, initdata, a certificate) is not what it should be; the message says what and where. */
public final class ConfigException extends Exception {
    private static final long serialVersionUID = 1L;

    public ConfigException(String message) {
        super(message);
    }

    public ConfigException(String message, Throwable cause) {
        super(message, cause);
    }
}
