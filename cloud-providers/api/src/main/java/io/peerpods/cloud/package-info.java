/** The contract between the adaptor and a cloud: {@link io.peerpods.cloud.CloudProvider} first. */
@NullMarked
package io.peerpods.cloud;

import org.jspecify.annotations.NullMarked;
