package io.peerpods.cloud.aws;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.tag.Tags;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ec2.model.Ec2Request;

final class PolicyTest {

    /** Needed because requests carry tags; there is no call of that name. */
    private static final String TAGGING = "ec2:CreateTags";

    @Test
    void theDocumentedPolicyAllowsTheCallsThatTheCodeMakesAndNoOthers() throws IOException {
        Set<String> calls = new TreeSet<>();
        for (Method method : Ec2Api.class.getMethods()) {
            if (method.getParameterCount() > 0 && Ec2Request.class.isAssignableFrom(method.getParameterTypes()[0])) {
                calls.add("ec2:" + method.getName().substring(0, 1).toUpperCase(Locale.ROOT)
                        + method.getName().substring(1));
            }
        }
        calls.add(TAGGING);

        assertThat(calls).hasSizeGreaterThan(15);
        assertThat(policy()).isEqualTo(calls);
    }

    @Test
    void whatChangesOrDeletesIsAllowedForTaggedThingsOnly() throws IOException {
        for (JsonObject statement : statements(0)) {
            for (String action : actions(statement)) {
                String conditions = String.valueOf(statement.get("Condition"));
                String sid = statement.get("Sid").getAsString();
                if (action.equals(TAGGING)) {
                    // Else a worker could put its tags on everything, and then delete it.
                    assertThat(conditions).contains("ec2:CreateAction");
                } else if (action.matches("ec2:(Terminate|Delete|Release|Disassociate|Modify).*")) {
                    assertThat(conditions).as(action).contains("aws:ResourceTag/" + Tags.CLUSTER);
                } else if (!action.startsWith("ec2:Describe")) {
                    assertThat(sid).as(action).isIn("LaunchFrom", "LaunchTagged", "OwnOnly", "VolumesOfPods");
                }
            }
        }
    }

    @Test
    void theVariantForNodesAllowsTheSameCallsForTheThingsOfTheCallingWorkerOnly() throws IOException {
        List<JsonObject> variant = statements(1);
        assertThat(variant).hasSize(2);
        for (JsonObject statement : variant) {
            JsonObject original = statements(0).stream()
                    .filter(each -> each.get("Sid").equals(statement.get("Sid")))
                    .findFirst()
                    .orElseThrow();
            assertThat(actions(statement)).isEqualTo(actions(original));
            assertThat(statement.get("Resource")).isEqualTo(original.get("Resource"));
            JsonObject before = equal(original);
            JsonObject now = equal(statement);
            String cluster = before.keySet().iterator().next();
            assertThat(now.get(cluster)).isEqualTo(before.get(cluster));
            assertThat(now.get(cluster.replace(Tags.CLUSTER, Tags.WORKER)).getAsString())
                    .isEqualTo("${ec2:SourceInstanceARN}");
            assertThat(now.size()).isEqualTo(2);
        }
    }

    private static JsonObject equal(JsonObject statement) {
        return statement.getAsJsonObject("Condition").getAsJsonObject("StringEquals");
    }

    private static Set<String> policy() throws IOException {
        Set<String> actions = new TreeSet<>();
        statements(0).forEach(statement -> actions.addAll(actions(statement)));
        return actions;
    }

    /** Those of one of the page's blocks of JSON, from 0 on. */
    private static List<JsonObject> statements(int block) throws IOException {
        String page = Files.readString(Path.of("../../docs/aws.md"));
        String json = page.split("```json", -1)[block + 1];
        JsonElement parsed = JsonParser.parseString(json.substring(0, json.indexOf("```")));
        JsonArray statements = parsed.isJsonArray()
                ? parsed.getAsJsonArray()
                : parsed.getAsJsonObject().getAsJsonArray("Statement");
        return statements.asList().stream().map(JsonElement::getAsJsonObject).toList();
    }

    private static Set<String> actions(JsonObject statement) {
        JsonElement action = statement.get("Action");
        List<JsonElement> all = action.isJsonArray() ? action.getAsJsonArray().asList() : List.of(action);
        return all.stream().map(JsonElement::getAsString).collect(Collectors.toCollection(TreeSet::new));
    }
}
