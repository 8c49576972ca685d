package io.peerpods.agent.volumes;

import io.peerpods.config.volume.CloudVolume;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Finds the disk that a cloud has attached for a volume. An EBS volume is known by its serial number, and by nothing else where EBS
 * volumes are NVMe disks; elsewhere a serial number counts before the volume's number (Azure's links, virtio's letters, the LUN of a SCSI disk), and a
 * disk that is in use is never taken by number.
 */
final class Disks {

    private static final Pattern EBS = Pattern.compile("vol-([0-9a-f]{8,17})");
    private static final Pattern EBS_SERIAL = Pattern.compile("vol[0-9a-f]+");
    private static final String EBS_MODEL = "Amazon Elastic Block Store";

    /** The last colon-separated number of a SCSI disk's address: host, channel, target, LUN. */
    private static final Pattern ADDRESS = Pattern.compile("(\\d+):\\d+:\\d+:(\\d+)");

    /** As much of a serial number as virtio has room for. */
    private static final int VIRTIO_SERIAL = 20;

    private static final int SHORTEST_SERIAL = 4;
    private static final int LETTERS = 25;

    private final Path blocks;
    private final Path devices;

    /**
     * A disk.
     *
     * @param name the kernel's name, {@code nvme1n1}
     * @param number major and minor number, {@code 259:1}
     */
    record Disk(String name, Path device, String number) {}

    /**
     * @param blocks where the kernel shows block devices, {@code /sys/block}
     * @param devices where their files are, {@code /dev}
     */
    Disks(Path blocks, Path devices) {
        this.blocks = blocks;
        this.devices = devices;
    }

    /** The disk, when it is there by now. */
    Optional<Disk> find(CloudVolume volume) throws VolumeException {
        List<String> names = names();
        Matcher ebs = EBS.matcher(volume.diskId());
        if (ebs.matches()) {
            Optional<Disk> known = bySerial(names, "vol" + ebs.group(1));
            return known.isPresent() || names.stream().anyMatch(this::isEbsOnNvme)
                    ? known
                    : lettered(names, "xvd", volume.lun());
        }
        Optional<Disk> found = bySerial(names, volume.diskId()).or(() -> byAzuresLinks(volume.lun()));
        if (found.isPresent()) {
            return found;
        }
        Optional<Disk> virtio = lettered(names, "vd", volume.lun());
        return virtio.isPresent() ? virtio : byLun(names, volume.lun());
    }

    /** Xen instances may have NVMe disks too, those of their instance store, and their EBS volumes by letters. */
    private boolean isEbsOnNvme(String name) {
        return name.startsWith("nvme")
                && (EBS_SERIAL.matcher(serial(name)).matches()
                        || text(blocks.resolve(name).resolve("device/model")).equals(EBS_MODEL));
    }

    private Optional<Disk> bySerial(List<String> names, String id) throws VolumeException {
        String cut = id.length() > VIRTIO_SERIAL ? id.substring(0, VIRTIO_SERIAL) : id;
        List<Disk> candidates = names.stream()
                .filter(name -> {
                    String serial = serial(name);
                    return serial.length() >= SHORTEST_SERIAL
                            && (serial.equals(id) || (name.startsWith("vd") && serial.equals(cut)));
                })
                .map(this::disk)
                .flatMap(Optional::stream)
                .toList();
        if (candidates.size() > 1) {
            throw new VolumeException(
                    "disks " + candidates.stream().map(Disk::name).toList()
                            + " all have its serial number, of which virtio has room for " + VIRTIO_SERIAL
                            + " characters: which one it is cannot be told");
        }
        return candidates.stream().findFirst();
    }

    private String serial(String name) {
        String own = text(blocks.resolve(name).resolve("serial"));
        return own.isEmpty() ? text(blocks.resolve(name).resolve("device/serial")) : own;
    }

    private Optional<Disk> byAzuresLinks(int lun) {
        for (String link : List.of("disk/azure/data/by-lun/" + lun, "disk/azure/scsi1/lun" + lun)) {
            try {
                return disk(devices.resolve(link).toRealPath().getFileName().toString());
            } catch (IOException e) {
                // Not on Azure, or not attached yet.
            }
        }
        return Optional.empty();
    }

    /** The first letter is the root disk's. */
    private Optional<Disk> lettered(List<String> names, String kind, int lun) {
        String name = kind + (char) ('b' + lun);
        return lun < LETTERS && names.contains(name) && isFree(name) ? disk(name) : Optional.empty();
    }

    /** On the first host there are often the VM's own disks: the others are looked at before it. */
    private Optional<Disk> byLun(List<String> names, int lun) throws VolumeException {
        List<String> first = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (String name : names) {
            Matcher address = ADDRESS.matcher(address(name));
            if (name.startsWith("sd")
                    && address.matches()
                    && address.group(2).equals(Integer.toString(lun))
                    && isFree(name)) {
                (address.group(1).equals("0") ? first : others).add(name);
            }
        }
        List<String> candidates = others.isEmpty() ? first : others;
        if (candidates.size() > 1) {
            throw new VolumeException(
                    "disks " + candidates + " all have LUN " + lun + ": which one it is cannot be told");
        }
        return candidates.isEmpty() ? Optional.empty() : disk(candidates.getFirst());
    }

    private String address(String name) {
        try {
            return blocks.resolve(name)
                    .resolve("device")
                    .toRealPath()
                    .getFileName()
                    .toString();
        } catch (IOException e) {
            return "";
        }
    }

    private Optional<Disk> disk(String name) {
        Path device = devices.resolve(name);
        String number = text(blocks.resolve(name).resolve("dev"));
        return Files.exists(device) && !number.isEmpty()
                ? Optional.of(new Disk(name, device, number))
                : Optional.empty();
    }

    private boolean isFree(String name) {
        return partitions(name).isEmpty();
    }

    /** The disk's partitions. */
    List<String> partitions(String name) {
        return children(blocks.resolve(name)).stream()
                .filter(child ->
                        Files.exists(blocks.resolve(name).resolve(child).resolve("partition")))
                .toList();
    }

    /** What is built on the disk, such as {@code dm-0}. */
    List<String> holders(String name) {
        return children(blocks.resolve(name).resolve("holders"));
    }

    /** The name of a device-mapper device under {@code /dev/mapper}, empty for other devices. */
    String mapperName(String name) {
        return text(blocks.resolve(name).resolve("dm/name"));
    }

    /** Major and minor number. */
    String number(String name) {
        return text(blocks.resolve(name).resolve("dev"));
    }

    /** What there is, for messages. */
    String inventory() {
        List<String> shown = new ArrayList<>();
        for (String name : names()) {
            if (!name.startsWith("loop") && !name.startsWith("ram")) {
                String serial = serial(name);
                shown.add(serial.isEmpty() ? name : name + " (" + serial + ")");
            }
        }
        return shown.isEmpty() ? "none" : String.join(", ", shown);
    }

    private List<String> names() {
        return children(blocks);
    }

    private static List<String> children(Path directory) {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            return "";
        }
    }
}
