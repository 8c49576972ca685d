package io.peerpods.adaptor;

import java.util.List;

/** The real program with the test's cloud as its one provider. */
final class TestAdaptorMain {

    private TestAdaptorMain() {}

    public static void main(String[] arguments) {
        AdaptorProgram program = new AdaptorProgram(List.of(new TestCloudType()), System.out, System.err);
        System.exit(program.run(List.of(arguments), System.getenv()));
    }
}
