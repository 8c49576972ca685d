package io.peerpods.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.peerpods.tests.PackageCircles.Arrow;
import io.peerpods.tests.circle.One;
import io.peerpods.tests.circle.three.Three;
import io.peerpods.tests.circle.two.Two;
import org.junit.jupiter.api.Test;

/** The check for circles sees one: also through a third package, and where one of them is the root of the others. */
class PackageCirclesTest {

    private static final String ROOT = "io.peerpods.tests.circle";

    @Test
    void aCircleThroughThreePackagesIsSeen() {
        assertThat(circles(One.class, Two.class, Three.class).all())
                .containsExactlyInAnyOrder(
                        new Arrow(ROOT, ROOT + ".two"),
                        new Arrow(ROOT + ".two", ROOT + ".three"),
                        new Arrow(ROOT + ".three", ROOT));
    }

    @Test
    void packagesThatUseEachOtherInOneDirectionAreNone() {
        assertThat(circles(One.class, Two.class).all()).isEmpty();
    }

    private static PackageCircles circles(Class<?>... types) {
        ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
        JavaClasses classes = new ClassFileImporter().importClasses(types);
        return PackageCircles.of(classes);
    }
}
