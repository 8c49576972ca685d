/** Where an instance can be asked for, in which order, and what had no capacity lately. */
@NullMarked
package io.peerpods.cloud.aws.capacity;

import org.jspecify.annotations.NullMarked;
