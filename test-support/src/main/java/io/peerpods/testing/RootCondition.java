package io.peerpods.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Looks at the effective capabilities, not at the user id: a container's root may lack them. */
final class RootCondition implements ExecutionCondition {

    private static final long NET_ADMIN = 1L << 12;
    private static final long SYS_ADMIN = 1L << 21;

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        long wanted = NET_ADMIN | SYS_ADMIN;
        return (effectiveCapabilities() & wanted) == wanted
                ? ConditionEvaluationResult.enabled("has CAP_NET_ADMIN and CAP_SYS_ADMIN")
                : ConditionEvaluationResult.disabled("needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN)");
    }

    private static long effectiveCapabilities() {
        List<String> status;
        try {
            status = Files.readAllLines(Path.of("/proc/self/status"));
        } catch (IOException e) {
            return 0;
        }
        return status.stream()
                .filter(line -> line.startsWith("CapEff:"))
                .findFirst()
                .map(line -> Long.parseUnsignedLong(
                        line.substring("CapEff:".length()).strip(), 16))
                .orElse(0L);
    }
}
