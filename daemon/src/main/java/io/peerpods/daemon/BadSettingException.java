package io.peerpods.daemon;

/** A start that cannot be: the message is one line for the operator that names flag, key and value and says what is allowed. */
public final class BadSettingException extends Exception {

    private static final long serialVersionUID = 1L;

    public BadSettingException(String message) {
        super(FailureText.oneLine(message));
    }

    /**
     * A value that is not allowed.
     *
     * @param why completes the sentence after flag, key and value: {@code is not a port from 1 to 65535}
     */
    public static BadSettingException of(Setting setting, String value, String why) {
        String shown = setting.secret() ? "the value (not shown)" : "\"" + value + "\"";
        return new BadSettingException(setting.names() + ": " + shown + " " + why);
    }
}
