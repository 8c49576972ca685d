package io.peerpods.tests.whole;

import io.peerpods.tests.lab.Distributions;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Evaluates {@link NeedsDistributions}. */
final class DistributionsCondition implements ExecutionCondition {

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        return Distributions.find().isPresent()
                ? ConditionEvaluationResult.enabled("the distributions are made")
                : ConditionEvaluationResult.disabled("needs the distributions (make dist)");
    }
}
