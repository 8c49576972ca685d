package io.peerpods.vpc;

import io.peerpods.linux.Netns;
import io.peerpods.vpc.net.Names;
import io.peerpods.vpc.net.NamespaceLinks;
import io.peerpods.vpc.vm.Processes;
import io.peerpods.vpc.vm.VmBoot;
import io.peerpods.vpc.vm.VmCgroups;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Removes a local VPC by its names in the kernel, whatever state its creator left it in. */
final class VpcCleanup {

    private VpcCleanup() {}

    /** As {@link LocalVpc#cleanup}. */
    static List<String> remove(Path directory) {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        VpcFiles files = new VpcFiles(directory);
        return files.locked(() -> {
            List<String> removed = new ArrayList<>();
            Optional<VpcFiles.Identity> identity = files.identity();
            if (identity.isPresent()) {
                remove(new Names(identity.get().prefix()), removed);
                removed.add("VPC " + directory);
            }
            files.removeEverything();
            return removed;
        });
    }

    private static void remove(Names names, List<String> removed) throws IOException {
        List<String> namespaces = namespaces(names.prefix() + "-");
        for (String name : namespaces) {
            if (name.startsWith(names.vms()) && Netns.exists(Names.file(name))) {
                Processes.end(VmBoot.inode(Names.file(name)));
                VmCgroups.remove(name);
            }
        }
        if (Netns.exists(Names.file(names.vpc()))) {
            // Cables first: they end in other namespaces, this machine's own among them, which would let go of them
            // later.
            try (NamespaceLinks vpc = NamespaceLinks.open(Names.file(names.vpc()))) {
                vpc.removeCables();
            }
        }
        for (String name : namespaces) {
            Netns.delete(name);
            removed.add("namespace " + name);
        }
    }

    private static List<String> namespaces(String prefix) throws IOException {
        if (!Files.isDirectory(Netns.NAMED)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(Netns.NAMED)) {
            return all.map(path -> path.getFileName().toString())
                    .filter(name -> name.startsWith(prefix))
                    .sorted()
                    .toList();
        }
    }
}
