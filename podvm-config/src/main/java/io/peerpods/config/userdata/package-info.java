/** The user-data of a pod VM: written by the adaptor, read and carried out by podvm-agent. */
@NullMarked
package io.peerpods.config.userdata;

import org.jspecify.annotations.NullMarked;
