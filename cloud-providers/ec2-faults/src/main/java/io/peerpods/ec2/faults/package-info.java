/**
 * For tests and benchmarks: {@link io.peerpods.ec2.faults.MotoServer} is an EC2 API as a process of its own,
 * {@link io.peerpods.ec2.faults.FaultProxy} in front of it behaves like the real one where the emulator does not.
 */
@NullMarked
package io.peerpods.ec2.faults;

import org.jspecify.annotations.NullMarked;
