package io.peerpods.cloud.aws;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class AwsTypeTest {

    /** Loads this module's classes itself and keeps a list of what it is asked for. */
    private static final class Watching extends URLClassLoader {

        private final List<String> loaded = new ArrayList<>();

        Watching(URL classes) {
            super(new URL[] {classes}, AwsTypeTest.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            loaded.add(name);
            if (name.startsWith("io.peerpods.cloud.aws.")) {
                Class<?> known = findLoadedClass(name);
                return known == null ? findClass(name) : known;
            }
            return super.loadClass(name, resolve);
        }
    }

    @Test
    void nothingOfTheSdkIsLoadedBeforeTheProviderIsChosen() throws Exception {
        URL classes = AwsType.class.getProtectionDomain().getCodeSource().getLocation();
        try (Watching loader = new Watching(classes)) {
            Class<?> type = Class.forName("io.peerpods.cloud.aws.AwsType", true, loader);
            Object instance = type.getDeclaredConstructor().newInstance();

            assertThat(type.getMethod("name").invoke(instance)).isEqualTo("aws");
            assertThat((List<?>) type.getMethod("settings").invoke(instance)).isNotEmpty();
            assertThat(loader.loaded).noneMatch(name -> name.startsWith("software.amazon"));
        }
    }
}
