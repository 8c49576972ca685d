package io.peerpods.ec2.faults;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** One EC2 call: its action and every parameter, as in the request's form. */
public record Call(String action, Map<String, String> parameters) {

    public Call {
        parameters = Map.copyOf(parameters);
    }

    static Call parse(String form) {
        Map<String, String> parameters = new TreeMap<>();
        for (String pair : form.split("&", -1)) {
            int equals = pair.indexOf('=');
            if (equals > 0) {
                parameters.put(decode(pair.substring(0, equals)), decode(pair.substring(equals + 1)));
            }
        }
        return new Call(parameters.getOrDefault("Action", ""), parameters);
    }

    /** A parameter, or empty. */
    public String get(String name) {
        return parameters.getOrDefault(name, "");
    }

    /** All parameters in the order of their names, as a form. */
    String form() {
        return new TreeMap<>(parameters)
                .entrySet().stream()
                        .map(entry -> encode(entry.getKey()) + "=" + encode(entry.getValue()))
                        .collect(Collectors.joining("&"));
    }

    private static String decode(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
