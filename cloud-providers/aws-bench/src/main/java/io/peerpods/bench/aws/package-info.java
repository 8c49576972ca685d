/** Many pods at once on EC2, the provider and the call sequence of the existing system side by side. */
@NullMarked
package io.peerpods.bench.aws;

import org.jspecify.annotations.NullMarked;
