package io.peerpods.agent.volumes;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * What is on a disk, by its first bytes. Blank is a disk only when everything that is looked at is zero: the first and the last 4 MiB,
 * where every file system, partition table, RAID, LVM and encryption keeps its signature, and 64 pieces at multiples of 128 MiB,
 * where ext4 keeps copies of its own: at each while they suffice; on larger disks at the first eight, and the others spread to the end.
 */
enum DiskContents {
    BLANK("nothing"),
    EXT("an ext file system"),
    XFS("an xfs file system"),
    LUKS("an encrypted volume (LUKS)"),
    PARTITIONS("a partition table or boot sector"),
    LVM("an LVM physical volume"),
    SWAP("swap space"),
    BTRFS("a btrfs file system"),
    UNKNOWN("data of a kind that is not known here");

    private static final int EDGE = 4 << 20;
    private static final int PIECE = 64 << 10;
    private static final int PIECES = 64;
    private static final int FIRST_PIECES = 8;
    private static final long DISTANCE = 128L << 20;

    private static final int BOOT_MAGIC = 510;
    private static final int EXT_MAGIC = 1024 + 56;
    private static final int SWAP_MAGIC = 4096 - 10;
    private static final int BTRFS_MAGIC = (64 << 10) + 64;
    private static final int SECTOR = 512;

    private final String words;

    DiskContents(String words) {
        this.words = words;
    }

    /** For messages: "it holds ...". */
    String words() {
        return words;
    }

    /** @throws IOException when any of it cannot be read; then nothing is known of it */
    static DiskContents of(Path device) throws IOException {
        try (FileChannel disk = FileChannel.open(device, StandardOpenOption.READ)) {
            long size = disk.size();
            if (size <= 0) {
                throw new IOException("its size is " + size);
            }
            byte[] start = read(disk, 0, (int) Math.min(EDGE, size));
            DiskContents known = signature(start);
            if (known != BLANK) {
                return known;
            }
            boolean blank = isZero(start) && isZero(read(disk, Math.max(0, size - EDGE), (int) Math.min(EDGE, size)));
            long places = Math.max(0, size - PIECE) / DISTANCE;
            for (int i = 1; blank && i <= Math.min(PIECES, places); i++) {
                blank = isZero(read(disk, place(i, places) * DISTANCE, PIECE));
            }
            return blank ? BLANK : UNKNOWN;
        }
    }

    private static long place(int piece, long places) {
        return piece <= FIRST_PIECES || places <= PIECES
                ? piece
                : FIRST_PIECES + (piece - FIRST_PIECES) * (places - FIRST_PIECES) / (PIECES - FIRST_PIECES);
    }

    private static DiskContents signature(byte[] start) {
        if (has(start, 0, "LUKS\u00ba\u00be")) {
            return LUKS;
        }
        if (has(start, 0, "XFSB")) {
            return XFS;
        }
        if (has(start, EXT_MAGIC, "S\u00ef")) {
            return EXT;
        }
        if (has(start, BTRFS_MAGIC, "_BHRfS_M")) {
            return BTRFS;
        }
        if (has(start, SWAP_MAGIC, "SWAPSPACE2")) {
            return SWAP;
        }
        for (int sector = 0; sector < 4; sector++) {
            if (has(start, sector * SECTOR, "LABELONE")) {
                return LVM;
            }
        }
        return has(start, SECTOR, "EFI PART") || has(start, BOOT_MAGIC, "U\u00aa") ? PARTITIONS : BLANK;
    }

    private static boolean has(byte[] data, int at, String magic) {
        byte[] bytes = magic.getBytes(StandardCharsets.ISO_8859_1);
        if (data.length < at + bytes.length) {
            return false;
        }
        for (int i = 0; i < bytes.length; i++) {
            if (data[at + i] != bytes[i]) {
                return false;
            }
        }
        return true;
    }

    private static byte[] read(FileChannel disk, long from, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining()) {
            if (disk.read(buffer, from + buffer.position()) < 0) {
                throw new IOException("it ends before its size");
            }
        }
        return buffer.array();
    }

    private static boolean isZero(byte[] data) {
        for (byte one : data) {
            if (one != 0) {
                return false;
            }
        }
        return true;
    }
}
