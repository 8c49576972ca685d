package io.peerpods.cloud;

/**
 * Something found by its tags: the cloud's name of it and the sandbox that it was launched for. Mostly a VM; for a
 * sandbox that has no VM any more, what a launch of it has left behind, such as an address.
 */
public record OwnedVm(String id, String sandboxId) {}
