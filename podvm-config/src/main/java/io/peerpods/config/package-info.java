/** What adaptor and podvm-agent agree on: {@link io.peerpods.config.AgentConfig} first, then how it travels and the certificates in it. */
@NullMarked
package io.peerpods.config;

import org.jspecify.annotations.NullMarked;
