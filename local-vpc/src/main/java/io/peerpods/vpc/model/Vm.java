package io.peerpods.vpc.model;

import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A pod VM of a VPC, as its file says.
 *
 * @param index a small number that no other VM of the VPC has at the same time
 * @param namespace the file of its network namespace, {@code /run/netns/...}
 * @param directory its files on this machine: consoles among them
 * @param booted whether its start was completed; one that was interrupted begins anew
 */
public record Vm(
        String id,
        int index,
        String hostname,
        List<Nic> nics,
        String userData,
        Map<String, String> metadata,
        Map<String, String> tags,
        Path namespace,
        Path directory,
        Instant launched,
        boolean booted) {

    public Vm {
        nics = List.copyOf(nics);
        metadata = Map.copyOf(metadata);
        tags = Map.copyOf(tags);
    }

    public Nic primary() {
        return nics.getFirst();
    }

    /** What this machine calls it: the name of its network namespace and of its cgroups. */
    public String name() {
        return String.valueOf(namespace.getFileName());
    }

    /** What a program of the image printed. */
    public Path console(String service) {
        return directory.resolve(service + ".log");
    }

    /** The NICs that have been attached so far. */
    public List<Nic> attachedNics() {
        return nics.stream().filter(Nic::attached).toList();
    }

    public Vm withAttached(int device) {
        List<Nic> changed = nics.stream()
                .map(nic -> nic.device() == device ? nic.asAttached() : nic)
                .toList();
        return new Vm(id, index, hostname, changed, userData, metadata, tags, namespace, directory, launched, booted);
    }

    public Vm withNic(Nic more) {
        List<Nic> all = new ArrayList<>(nics);
        all.add(more);
        return new Vm(id, index, hostname, all, userData, metadata, tags, namespace, directory, launched, booted);
    }

    public Vm asBooted() {
        return new Vm(id, index, hostname, nics, userData, metadata, tags, namespace, directory, launched, true);
    }
}
