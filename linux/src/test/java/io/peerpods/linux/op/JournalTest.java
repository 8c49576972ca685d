package io.peerpods.linux.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.gson.JsonObject;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.Programs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalTest {

    private static final String OWNER = "peerpods:abc";

    @TempDir
    Path directory;

    private static Journal.Entry entry(String link) {
        JsonObject before = new JsonObject();
        before.addProperty("down", true);
        return new Journal.Entry(new Op.Up(NetnsRef.OWN, link), before);
    }

    private Path file() {
        return directory.resolve("journal");
    }

    private Journal written(String... links) {
        Journal journal = Journal.open(file());
        for (String link : links) {
            journal.append(OWNER, List.of(entry(link)));
        }
        return journal;
    }

    @Test
    void whatWasWrittenIsReadAgain() throws IOException {
        written("a", "b");
        Journal again = Journal.open(file());
        assertThat(again.owner()).contains(OWNER);
        assertThat(again.entries()).containsExactly(entry("a"), entry("b"));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file())))
                .isEqualTo("rw-------");
        again.append(OWNER, List.of(entry("c")));
        assertThat(Journal.open(file()).ops()).hasSize(3);
    }

    @Test
    void aMissingOrEmptyFileIsAJournalWithoutOps() throws IOException {
        assertThat(Journal.open(file()).isEmpty()).isTrue();
        Files.createFile(file());
        assertThat(Journal.open(file()).isEmpty()).isTrue();
        assertThat(Journal.open(file()).owner()).isEmpty();
    }

    @Test
    void tornAnywhereInItsLastLineItIsStillGood() throws IOException {
        written("a", "b");
        byte[] whole = Files.readAllBytes(file());
        int lastLine =
                new String(whole, java.nio.charset.StandardCharsets.UTF_8).lastIndexOf('\n', whole.length - 2) + 1;
        for (int length = lastLine; length < whole.length; length++) {
            Files.write(file(), java.util.Arrays.copyOf(whole, length));
            Journal torn = Journal.open(file());
            assertThat(torn.entries()).containsExactly(entry("a"));
            torn.append(OWNER, List.of(entry("c")));
            assertThat(Journal.open(file()).entries()).containsExactly(entry("a"), entry("c"));
        }
    }

    @Test
    void tornInItsFirstLineItIsEmpty() throws IOException {
        Files.writeString(file(), "{\"version\":1,\"own");
        Journal torn = Journal.open(file());
        assertThat(torn.isEmpty()).isTrue();
        torn.append(OWNER, List.of(entry("a")));
        assertThat(Journal.open(file()).entries()).containsExactly(entry("a"));
    }

    @Test
    void damageElsewhereIsAnErrorThatNamesTheLine() throws IOException {
        written("a", "b");
        Files.writeString(file(), Files.readString(file()).replaceFirst("\"do\":\"up\"", "\"do\":\"fly\""));
        assertThatExceptionOfType(JournalException.class)
                .isThrownBy(() -> Journal.open(file()))
                .withMessageContaining(file().toString())
                .withMessageContaining("line 2");
    }

    @Test
    void aNewerVersionIsNotGuessedAt() throws IOException {
        Files.writeString(file(), "{\"version\":2,\"owner\":\"x\"}\n{\"op\":{}}\n");
        assertThatExceptionOfType(JournalException.class)
                .isThrownBy(() -> Journal.open(file()))
                .withMessageContaining("version");
    }

    @Test
    void itServesOneOwner() {
        Journal journal = written("a");
        assertThatExceptionOfType(JournalException.class)
                .isThrownBy(() -> journal.append("peerpods:other", List.of(entry("b"))))
                .withMessageContaining(OWNER);
    }

    @Test
    void clearedItIsGone() {
        Journal journal = written("a");
        journal.clear();
        assertThat(file()).doesNotExist();
        assertThat(journal.isEmpty()).isTrue();
        journal.append("peerpods:other", List.of(entry("b")));
        assertThat(Journal.open(file()).owner()).contains("peerpods:other");
    }

    @Test
    void aMissingDirectoryIsNamed() {
        Journal journal = Journal.open(directory.resolve("none/journal"));
        assertThatExceptionOfType(JournalException.class)
                .isThrownBy(() -> journal.append(OWNER, List.of(entry("a"))))
                .withMessageContaining("none/journal");
    }

    @Test
    @NeedsRoot
    void onAFullDiskNothingIsLostAndNothingBegun() throws IOException {
        Path mount = Files.createDirectory(directory.resolve("full"));
        Programs.require("mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", mount.toString());
        try {
            Journal journal = Journal.open(mount.resolve("journal"));
            journal.append(OWNER, List.of(entry("a")));
            Path filler = mount.resolve("filler");
            assertThatExceptionOfType(IOException.class).isThrownBy(() -> {
                while (true) {
                    Files.write(filler, new byte[4096], StandardOpenOption.CREATE, StandardOpenOption.APPEND);
                }
            });
            List<Journal.Entry> many = java.util.stream.IntStream.range(0, 100)
                    .mapToObj(i -> entry("link" + i))
                    .toList();
            assertThatExceptionOfType(JournalException.class)
                    .isThrownBy(() -> journal.append(OWNER, many))
                    .withMessageContaining("No space left")
                    .withMessageContaining("nothing of it was done");
            assertThat(journal.entries()).containsExactly(entry("a"));
            assertThat(Journal.open(mount.resolve("journal")).entries()).containsExactly(entry("a"));
            Files.delete(filler);
            journal.append(OWNER, List.of(entry("b")));
            assertThat(Journal.open(mount.resolve("journal")).entries()).containsExactly(entry("a"), entry("b"));
        } finally {
            Programs.require("umount", mount.toString());
        }
    }
}
