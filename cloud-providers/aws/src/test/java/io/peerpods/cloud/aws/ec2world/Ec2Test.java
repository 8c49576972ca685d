package io.peerpods.cloud.aws.ec2world;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.ClassTemplate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A class of tests that talk to an EC2 API that is not ours: run once with moto and, where a Docker engine has its
 * image, once with LocalStack. Tests take an {@link Ec2World} as a parameter and find a new one each.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ClassTemplate
@Tag("ec2")
@ExtendWith(BackEnds.class)
public @interface Ec2Test {}
