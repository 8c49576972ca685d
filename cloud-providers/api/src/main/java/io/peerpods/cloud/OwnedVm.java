package io.peerpods.cloud;

import java.util.Optional;

/**
 * Something found by its tags: the cloud's name of it and the sandbox that it was launched for. Mostly a VM; for a
 * sandbox that has no VM any more, what a launch of it has left behind, such as an address.
 *
 * @param sandbox empty when its tag is missing or is no sandbox id: then only a person can say whose it is. Such a thing is reported
 *     by {@link #id} and never deleted
 * @param ofAnotherMachine another machine of the same cluster and node made it. Such a thing is reported too, and never deleted:
 *     {@link CloudProvider#delete} leaves it
 */
public record OwnedVm(String id, Optional<SandboxId> sandbox, boolean ofAnotherMachine) {

    /** A thing of this machine, or of one that cannot be told. */
    public OwnedVm(String id, Optional<SandboxId> sandbox) {
        this(id, sandbox, false);
    }

    /** A thing of a known sandbox. */
    public OwnedVm(String id, SandboxId sandbox) {
        this(id, Optional.of(sandbox));
    }
}
