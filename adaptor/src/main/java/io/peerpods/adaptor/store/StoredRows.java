package io.peerpods.adaptor.store;

import java.util.List;

/** All rows of the store: those that can be read, and those that are set aside because they cannot. */
public record StoredRows(List<SandboxRow> readable, List<UnreadableRow> unreadable) {

    public StoredRows {
        readable = List.copyOf(readable);
        unreadable = List.copyOf(unreadable);
    }
}
