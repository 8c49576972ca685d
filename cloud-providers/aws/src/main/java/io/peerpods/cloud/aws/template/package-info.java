/** The launch template that a launch may start from. */
@NullMarked
package io.peerpods.cloud.aws.template;

import org.jspecify.annotations.NullMarked;
