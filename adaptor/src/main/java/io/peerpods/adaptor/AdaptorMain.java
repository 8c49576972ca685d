package io.peerpods.adaptor;

import io.peerpods.cloud.aws.AwsType;
import io.peerpods.cloud.local.LocalType;
import io.peerpods.daemon.FailureText;
import java.util.List;

/** {@code adaptor <provider> [flags]}: Kata's remote hypervisor on a worker node. */
public final class AdaptorMain {

    private AdaptorMain() {}

    /** Ends with the status of what the arguments ask for. */
    public static void main(String[] arguments) {
        FailureText.takeUncaught();
        AdaptorProgram program = new AdaptorProgram(List.of(new AwsType(), new LocalType()), System.out, System.err);
        System.exit(program.run(List.of(arguments), System.getenv()));
    }
}
