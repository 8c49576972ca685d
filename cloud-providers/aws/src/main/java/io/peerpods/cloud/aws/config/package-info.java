/** The settings of the provider {@code aws}, and the options that are made of them. */
@NullMarked
package io.peerpods.cloud.aws.config;

import org.jspecify.annotations.NullMarked;
