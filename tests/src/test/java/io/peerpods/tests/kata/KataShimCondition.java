package io.peerpods.tests.kata;

import java.util.List;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Evaluates {@link NeedsKataShim}. */
final class KataShimCondition implements ExecutionCondition {

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        if (KataPrograms.findShim().isEmpty()) {
            return ConditionEvaluationResult.disabled(
                    "no Kata shim: none in /opt/kata, and KATA_SHIM names none (docs/interop.md tells how to build it)");
        }
        List<String> missing = KataPrograms.missing();
        return missing.isEmpty()
                ? ConditionEvaluationResult.enabled("the shim and what runs it are there")
                : ConditionEvaluationResult.disabled(
                        "no Kata shim can run here: the shim is there, but not " + String.join(", ", missing));
    }
}
