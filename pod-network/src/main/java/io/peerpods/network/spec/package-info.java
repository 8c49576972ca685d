/** What is known of one pod's network, as values and as the JSON of apf.json. */
@NullMarked
package io.peerpods.network.spec;

import org.jspecify.annotations.NullMarked;
