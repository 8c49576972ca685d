package io.peerpods.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MisspellingTest {

    private static final Set<String> KNOWN = Set.of(
            "PODVM_INSTANCE_TYPE", "PODVM_INSTANCE_TYPES", "POD_UID", "TAGS", "VXLAN_PORT", "KUBERNETES_SERVICE_HOST");

    @ParameterizedTest
    @CsvSource({
        "PODVM_INSTANCETYPE, PODVM_INSTANCE_TYPE",
        "PODVM_INSTNACE_TYPE, PODVM_INSTANCE_TYPE",
        "POD_VM_INSTANCE_TYPES, PODVM_INSTANCE_TYPES",
        "vxlan_port, VXLAN_PORT",
        "VXLAN-PORT, VXLAN_PORT",
        "VXLANPORT, VXLAN_PORT",
        "POD_UUID, POD_UID"
    })
    void aSlipOfThePenIsFound(String given, String meant) {
        assertThat(Misspelling.find(Map.of(given, ""), KNOWN)).containsOnly(Map.entry(given, meant));
    }

    @ParameterizedTest
    @ValueSource(strings = {"PODVM_INSTANCE_TYPE", "POD_IP", "TAG", "PATH", "HOME", "KUBERNETES_PORT", "POD_NAME"})
    void whatMeansSomethingElseIsLeftAlone(String given) {
        assertThat(Misspelling.find(Map.of(given, ""), KNOWN)).isEmpty();
    }
}
