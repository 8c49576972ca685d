package io.peerpods.cloud;

/** A VM found by its tags: the cloud's name of it and the sandbox that it was launched for. */
public record OwnedVm(String id, String sandboxId) {}
