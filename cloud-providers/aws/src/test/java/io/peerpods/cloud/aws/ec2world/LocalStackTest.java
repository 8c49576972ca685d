package io.peerpods.cloud.aws.ec2world;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Says in the list of skipped tests when the EC2 suites ran on moto alone. */
@ExtendWith(LocalStackTest.NeedsLocalStack.class)
final class LocalStackTest {

    @Test
    void theEc2SuitesRunOnLocalStackToo() {
        assertThat(LocalStack.missing()).isEmpty();
    }

    static final class NeedsLocalStack implements ExecutionCondition {

        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            Optional<String> missing = LocalStack.missing();
            return missing.isEmpty()
                    ? ConditionEvaluationResult.enabled("LocalStack is there")
                    : ConditionEvaluationResult.disabled(
                            "LocalStack needs Docker: " + missing.get() + "; the EC2 suites ran on moto alone");
        }
    }
}
