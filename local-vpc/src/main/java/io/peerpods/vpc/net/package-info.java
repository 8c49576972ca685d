/** The network of a local VPC in the kernel: namespaces, bridges, links, routes and nft rules. */
@NullMarked
package io.peerpods.vpc.net;

import org.jspecify.annotations.NullMarked;
