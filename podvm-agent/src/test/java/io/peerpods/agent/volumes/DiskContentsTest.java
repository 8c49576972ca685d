package io.peerpods.agent.volumes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.Programs;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DiskContentsTest {

    private static final long SIZE = 300L << 20;

    @TempDir
    Path directory;

    @Test
    void aDiskOfZerosIsBlankHoweverSmall() throws Exception {
        assertThat(DiskContents.of(disk(SIZE))).isEqualTo(DiskContents.BLANK);
        assertThat(DiskContents.of(disk(4096))).isEqualTo(DiskContents.BLANK);
    }

    @ParameterizedTest
    @CsvSource({
        "0,XFSB,XFS",
        "0,LUKS\u00ba\u00be,LUKS",
        "0,SKUL\u00ba\u00be,UNKNOWN",
        "1080,S\u00ef,EXT",
        "65600,_BHRfS_M,BTRFS",
        "4086,SWAPSPACE2,SWAP",
        "512,LABELONE,LVM",
        "512,EFI PART,PARTITIONS",
        "510,U\u00aa,PARTITIONS",
        "32769,CD001,UNKNOWN",
        "300000,x,UNKNOWN"
    })
    void signaturesAreKnown(long at, String magic, DiskContents contents) throws Exception {
        Path disk = disk(SIZE);
        write(disk, at, magic);
        assertThat(DiskContents.of(disk)).isEqualTo(contents);
    }

    @ParameterizedTest
    @ValueSource(longs = {1 << 20, (4 << 20) - 1, 128 << 20, (256 << 20) + 5000, SIZE - 1, SIZE - (4 << 20)})
    void oneByteAtAnEdgeOrWhereCopiesLieIsNotBlank(long at) throws Exception {
        Path disk = disk(SIZE);
        write(disk, at, "x");
        assertThat(DiskContents.of(disk)).isEqualTo(DiskContents.UNKNOWN);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 3, 8, 9, 799})
    void ofALargeDiskThePiecesReachFromStartToEnd(long place) throws Exception {
        Path disk = disk(100L << 30);
        assertThat(DiskContents.of(disk)).isEqualTo(DiskContents.BLANK);
        // The data is longer than the distance of two pieces on this disk.
        for (long at = place; at < place + 15; at++) {
            write(disk, at * (128L << 20), "x");
        }
        assertThat(DiskContents.of(disk)).isEqualTo(DiskContents.UNKNOWN);
    }

    @Test
    @NeedsProgram("mkfs.ext4")
    void aFileSystemWhoseBeginningWasOverwrittenIsNotBlank() throws Exception {
        Path disk = disk(SIZE);
        Programs.require("mkfs.ext4", "-q", "-b", "4096", disk.toString());
        assertThat(DiskContents.of(disk)).isEqualTo(DiskContents.EXT);
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.write(new byte[8 << 20]);
        }
        assertThat(DiskContents.of(disk)).isEqualTo(DiskContents.UNKNOWN);
    }

    @Test
    void whatCannotBeReadIsNotBlank() throws Exception {
        Path empty = Files.createFile(directory.resolve("empty"));
        assertThatThrownBy(() -> DiskContents.of(empty)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> DiskContents.of(directory)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> DiskContents.of(directory.resolve("none"))).isInstanceOf(IOException.class);
    }

    private Path disk(long size) throws IOException {
        Path disk = directory.resolve("disk" + size);
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(size);
        }
        return disk;
    }

    private static void write(Path disk, long at, String text) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.seek(at);
            file.write(text.getBytes(StandardCharsets.ISO_8859_1));
        }
    }
}
