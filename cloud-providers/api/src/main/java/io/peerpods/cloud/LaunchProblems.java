package io.peerpods.cloud;

import java.util.List;
import java.util.stream.Collectors;

/** The text of {@link CloudProvider#problems}, for calls, probes and logs. */
public final class LaunchProblems {

    private LaunchProblems() {}

    /** One line that says why pods cannot be launched; empty when there is no problem. */
    public static String text(List<Finding> problems) {
        return problems.isEmpty()
                ? ""
                : "pods cannot be launched: "
                        + problems.stream()
                                .map(problem -> problem.what() + ": " + problem.detail())
                                .collect(Collectors.joining("; "));
    }
}
