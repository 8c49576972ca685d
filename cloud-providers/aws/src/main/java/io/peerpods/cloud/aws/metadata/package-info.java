/** What the worker's own instance metadata says. */
@NullMarked
package io.peerpods.cloud.aws.metadata;

import org.jspecify.annotations.NullMarked;
