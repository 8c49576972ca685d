package io.peerpods.ec2.faults;

import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What EC2 does with client tokens and the emulator does not: the same token with the same request is answered with what
 * the first one made, with another request it is an error. A request that failed leaves no trace.
 */
final class ClientTokens {

    private static final Set<String> HONOURED = Set.of("RunInstances", "CreateNetworkInterface");

    /** Parameters of the signature and the protocol, which are no part of what is asked for. */
    private static final Set<String> NOT_THE_REQUEST = Set.of("Version", "Signature", "Timestamp");

    private final Map<String, Known> known = new ConcurrentHashMap<>();
    private final Map<String, Object> locks = new ConcurrentHashMap<>();

    private record Known(Map<String, String> request, Answer answer) {}

    interface Effect {
        Answer run() throws IOException;
    }

    /** Runs the effect, or answers from memory: of requests with the same token one runs and the others wait. */
    Answer once(Call call, Effect effect) throws IOException {
        if (!hasToken(call)) {
            return effect.run();
        }
        synchronized (locks.computeIfAbsent(key(call), key -> new Object())) {
            Optional<Answer> remembered = remembered(call);
            if (remembered.isPresent()) {
                return remembered.get();
            }
            Answer answer = effect.run();
            if (answer.status() < 300) {
                known.put(key(call), new Known(request(call), answer));
            }
            return answer;
        }
    }

    /** What this call's token is answered with without any effect, or empty. */
    Optional<Answer> remembered(Call call) {
        Known before = hasToken(call) ? known.get(key(call)) : null;
        if (before == null) {
            return Optional.empty();
        }
        return Optional.of(
                before.request().equals(request(call))
                        ? before.answer()
                        : Answer.error(
                                400,
                                "IdempotentParameterMismatch",
                                "The client token you have provided is associated with a resource that has different"
                                        + " parameters."));
    }

    private static boolean hasToken(Call call) {
        return HONOURED.contains(call.action()) && !call.get("ClientToken").isEmpty();
    }

    private static String key(Call call) {
        return call.action() + " " + call.get("ClientToken");
    }

    private static Map<String, String> request(Call call) {
        Map<String, String> request = new TreeMap<>(call.parameters());
        request.keySet().removeAll(NOT_THE_REQUEST);
        return request;
    }
}
