package io.peerpods.tests.whole;

import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/** The test runs the daemons as they are shipped, as root, in namespaces; elsewhere it is skipped, with the reason. */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@NeedsRoot
@NeedsProgram({"ip", "tc", "nft", "nsenter", "unshare", "setsid", "ping", "bash", "timeout"})
@ExtendWith(DistributionsCondition.class)
public @interface NeedsDistributions {}
