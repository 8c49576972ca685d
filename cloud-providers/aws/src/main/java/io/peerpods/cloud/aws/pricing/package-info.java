/** What instance types cost, as far as the choice needs it. */
@NullMarked
package io.peerpods.cloud.aws.pricing;

import org.jspecify.annotations.NullMarked;
