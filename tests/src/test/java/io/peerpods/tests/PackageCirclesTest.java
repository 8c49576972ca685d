package io.peerpods.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.peerpods.tests.PackageCircles.Arrow;
import io.peerpods.tests.circle.One;
import io.peerpods.tests.circle.three.Three;
import io.peerpods.tests.circle.two.Two;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The check for circles sees one: also through a third package, and where one of them is the root of the others. */
class PackageCirclesTest {

    private static final String ROOT = "io.peerpods.tests.circle";
    private static final Arrow CLOSING = new Arrow(ROOT + ".three", ROOT);

    @Test
    void aCircleThroughThreePackagesIsSeen() {
        assertThat(circles().without(Set.of()))
                .containsExactlyInAnyOrder(
                        new Arrow(ROOT, ROOT + ".two"), new Arrow(ROOT + ".two", ROOT + ".three"), CLOSING);
    }

    @Test
    void aKnownArrowOpensItsCircle() {
        assertThat(circles().without(Set.of(CLOSING))).isEmpty();
    }

    private static PackageCircles circles() {
        ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
        JavaClasses classes = new ClassFileImporter().importClasses(One.class, Two.class, Three.class);
        return PackageCircles.of(classes);
    }
}
