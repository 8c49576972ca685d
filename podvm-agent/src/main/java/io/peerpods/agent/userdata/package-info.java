/** Where a pod VM gets its user-data and its NIC facts from: {@link io.peerpods.agent.userdata.UserDataSource} first. */
@NullMarked
package io.peerpods.agent.userdata;

import org.jspecify.annotations.NullMarked;
