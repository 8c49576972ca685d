package io.peerpods.ec2.faults;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What EC2 answers: an HTTP status and XML. */
public record Answer(int status, String body) {

    private static final Pattern CODE = Pattern.compile("<Code>([^<]*)</Code>");

    /** An error as EC2 writes it. */
    public static Answer error(int status, String code, String message) {
        return new Answer(
                status,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>" + code + "</Code><Message>"
                        + message + "</Message></Error></Errors><RequestID>faults</RequestID></Response>");
    }

    /** The error code, or empty when it is no error. */
    public String code() {
        if (status < 300) {
            return "";
        }
        Matcher code = CODE.matcher(body);
        return code.find() ? code.group(1) : "HTTP " + status;
    }
}
