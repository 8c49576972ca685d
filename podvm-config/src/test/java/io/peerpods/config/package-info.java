@NullMarked
package io.peerpods.config;

import org.jspecify.annotations.NullMarked;
