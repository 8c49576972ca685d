package io.peerpods.adaptor.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.gson.JsonParser;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.VolumeSpec;
import io.peerpods.network.spec.PodNetworkSpec;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreTest {

    @TempDir
    private Path directory;

    private final List<String> steps = new ArrayList<>();

    private static SandboxRow row(String id, int vni) throws Exception {
        return row(id, vni, "#cloud-config\n");
    }

    private static SandboxRow row(String id, int vni, String userData) throws Exception {
        PodNetworkSpec network = PodNetworkSpec.fromJson(
                JsonParser.parseString("""
                        {"podip":"10.244.1.5/24","pod-hw-addr":"02:00:00:00:00:05","interface":"eth0",
                         "worker-node-ip":"192.0.2.10/24","tunnel-type":"vxlan","mtu":1450,"vxlan-port":4789,"vxlan-id":%d}""".formatted(vni)).getAsJsonObject());
        LaunchSpec spec = new LaunchSpec(
                SandboxId.parse(id),
                "web",
                "default",
                "podvm-web",
                userData,
                true,
                "m6a.large",
                1.5,
                2048,
                1,
                "a10",
                "ami-1",
                List.of(new VolumeSpec("vol-0", "vol-123", Map.of("fstype", "ext4"))));
        Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
        return new SandboxRow(
                SandboxState.CREATED,
                "/run/netns/x",
                "4:5",
                network,
                spec,
                Optional.empty(),
                Optional.empty(),
                now,
                now);
    }

    @Test
    void whatWasWrittenIsThereAgain() throws Exception {
        SandboxRow last;
        try (Store store = Store.open(directory, steps::add)) {
            assertThat(store.isFresh()).isTrue();
            SandboxRow row = row("a", 7);
            store.add(row);
            row = store.enter(row, SandboxState.LAUNCHING);
            row = store.launchLog(row, "{\"token\":\"t\"}");
            last = store.launched(
                    row,
                    new PodVm(
                            "i-1", List.of(InetAddress.getByName("192.0.2.20"), InetAddress.getByName("2001:db8::1"))));
            store.add(row("b", 8));
            store.remove(SandboxId.parse("b"));
            store.fact("cluster-id", Optional.of("c"));
            store.fact("gone", Optional.of("x"));
            store.fact("gone", Optional.empty());
        }
        try (Store store = Store.open(directory, steps::add)) {
            assertThat(store.isFresh()).isFalse();
            assertThat(store.rows().readable())
                    .usingRecursiveFieldByFieldElementComparator()
                    .containsExactly(last);
            assertThat(store.fact("cluster-id")).contains("c");
            assertThat(store.fact("gone")).isEmpty();
        }
        assertThat(steps)
                .startsWith("store add CREATED", "store LAUNCHING", "store launch log", "store LAUNCHED")
                .contains("store remove");
    }

    @Test
    void twoLivingSandboxesNeverHaveOneVniOrOneId() throws Exception {
        try (Store store = Store.open(directory, steps::add)) {
            store.add(row("a", 7));
            SandboxRow sameVni = row("b", 7);
            assertThat(catchThrowableOfType(StoreException.class, () -> store.add(sameVni))
                            .kind())
                    .isEqualTo(StoreException.Kind.TAKEN);
            SandboxRow sameId = row("a", 8);
            assertThat(catchThrowableOfType(StoreException.class, () -> store.add(sameId))
                            .kind())
                    .isEqualTo(StoreException.Kind.TAKEN);
            store.remove(SandboxId.parse("a"));
            store.add(sameVni);
        }
    }

    @Test
    void aFileThatIsNoStoreIsSaidToBeDamaged() throws Exception {
        Files.writeString(directory.resolve("sandboxes.db"), "this is no database, whatever its name says".repeat(100));
        assertThat(catchThrowableOfType(StoreException.class, () -> Store.open(directory, steps::add)))
                .hasMessageContaining("sandboxes.db is damaged: move it away");
    }

    @Test
    void aRowThatIsGoneCannotBeChanged() throws Exception {
        try (Store store = Store.open(directory, steps::add)) {
            SandboxRow row = row("a", 7);
            assertThat(catchThrowableOfType(StoreException.class, () -> store.enter(row, SandboxState.LAUNCHING)))
                    .hasMessageContaining("sandbox a has no row");
        }
        assertThat(steps).isEmpty();
    }

    @Test
    void aRowThatCannotBeReadIsSetAsideAndTheOthersAreRead() throws Exception {
        try (Store store = Store.open(directory, steps::add)) {
            SandboxRow broken = row("broken", 7);
            store.add(broken);
            store.launchLog(broken, "the record");
            store.add(row("newer", 8));
            store.add(row("whole", 9));
        }
        change("UPDATE sandbox SET spec='{' WHERE id='broken'");
        change("UPDATE sandbox SET state='HIBERNATING' WHERE id='newer'");
        try (Store store = Store.open(directory, steps::add)) {
            StoredRows rows = store.rows();
            assertThat(rows.readable()).extracting(SandboxRow::id).containsExactly(SandboxId.parse("whole"));
            assertThat(rows.unreadable())
                    .extracting(UnreadableRow::id, UnreadableRow::vni, UnreadableRow::netns)
                    .containsExactlyInAnyOrder(
                            org.assertj.core.groups.Tuple.tuple("broken", 7, "/run/netns/x"),
                            org.assertj.core.groups.Tuple.tuple("newer", 8, "/run/netns/x"));
            assertThat(rows.unreadable())
                    .filteredOn(row -> row.id().equals("broken"))
                    .allMatch(row -> row.launchLog().equals(Optional.of("the record")));
        }
    }

    private void change(String sql) throws Exception {
        try (var connection = java.sql.DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("sandboxes.db"));
                var statement = connection.createStatement()) {
            assertThat(statement.executeUpdate(sql)).isEqualTo(1);
        }
    }

    /** The files' bytes are read, those of the write-ahead log too. */
    private boolean filesContain(String text) throws Exception {
        try (var files = Files.list(directory)) {
            for (Path file : files.toList()) {
                if (Files.readString(file, java.nio.charset.StandardCharsets.ISO_8859_1)
                        .contains(text)) {
                    return true;
                }
            }
        }
        return false;
    }

    @Test
    void theKeyOfARemovedSandboxIsInNoFileAnyMore() throws Exception {
        String key = "-----BEGIN PRIVATE KEY-----" + "key".repeat(3000);
        try (Store store = Store.open(directory, steps::add)) {
            store.add(row("stays", 1));
            SandboxRow row = row("a", 7, key);
            store.add(row);
            row = store.enter(row, SandboxState.LAUNCHING);
            row = store.launchLog(row, "{}");
            row = store.enter(row, SandboxState.STOPPING);
            assertThat(filesContain("keykeykey")).isTrue();
            store.remove(row.id());
            assertThat(filesContain("keykeykey")).as("while it is open").isFalse();
        }
        assertThat(filesContain("keykeykey")).as("after it was closed").isFalse();
    }

    @Test
    void aStoreOfAnOlderVersionLosesTheKeysThatItKept() throws Exception {
        try (Store store = Store.open(directory, steps::add)) {
            store.add(row("stays", 1));
            store.add(row("a", 7, "key".repeat(3000)));
        }
        try (var connection = java.sql.DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("sandboxes.db"));
                var statement = connection.createStatement()) {
            statement.execute("PRAGMA secure_delete=OFF");
            statement.execute("PRAGMA user_version=0");
            statement.executeUpdate("DELETE FROM sandbox WHERE id='a'");
        }
        assertThat(filesContain("keykeykey")).isTrue();
        try (Store store = Store.open(directory, steps::add)) {
            assertThat(store.rows().readable()).hasSize(1);
            assertThat(filesContain("keykeykey")).isFalse();
        }
    }

    @Test
    void aRowsTextDoesNotShowTheUserData() throws Exception {
        assertThat(row("a", 7).toString()).contains("default/web").doesNotContain("cloud-config");
    }
}
