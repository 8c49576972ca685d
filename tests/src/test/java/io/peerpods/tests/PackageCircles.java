package io.peerpods.tests;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClasses;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Which package uses which, and where these arrows close a circle. */
final class PackageCircles {

    /** One package uses another. */
    record Arrow(String from, String to) implements Comparable<Arrow> {
        @Override
        public int compareTo(Arrow other) {
            return Comparator.comparing(Arrow::from).thenComparing(Arrow::to).compare(this, other);
        }

        @Override
        public String toString() {
            return from + " -> " + to;
        }
    }

    private final Map<String, Set<String>> uses = new TreeMap<>();

    private PackageCircles() {}

    /** The arrows between the packages of these classes; what they use outside of them does not count. */
    static PackageCircles of(JavaClasses classes) {
        PackageCircles circles = new PackageCircles();
        classes.forEach(type -> circles.uses.computeIfAbsent(type.getPackageName(), name -> new TreeSet<>()));
        classes.forEach(type -> type.getDirectDependenciesFromSelf().forEach(circles::add));
        return circles;
    }

    private void add(Dependency dependency) {
        String from = dependency.getOriginClass().getPackageName();
        String to = dependency.getTargetClass().getBaseComponentType().getPackageName();
        if (!from.equals(to) && uses.containsKey(to)) {
            uses.computeIfAbsent(from, name -> new TreeSet<>()).add(to);
        }
    }

    /** The packages that were looked at. */
    Set<String> packages() {
        return uses.keySet();
    }

    /** Every arrow that is part of a circle. */
    Set<Arrow> all() {
        Set<Arrow> found = new TreeSet<>();
        uses.forEach((from, targets) -> targets.forEach(to -> {
            if (reaches(to, from)) {
                found.add(new Arrow(from, to));
            }
        }));
        return found;
    }

    private boolean reaches(String from, String goal) {
        Set<String> seen = new TreeSet<>(Set.of(from));
        Deque<String> open = new ArrayDeque<>(seen);
        while (!open.isEmpty()) {
            String here = open.remove();
            if (here.equals(goal)) {
                return true;
            }
            for (String next : uses.getOrDefault(here, Set.of())) {
                if (seen.add(next)) {
                    open.add(next);
                }
            }
        }
        return false;
    }
}
