package io.peerpods.cloud.aws;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
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

    private static Set<String> policy() throws IOException {
        String page = Files.readString(Path.of("../../docs/aws.md"));
        String json = page.substring(page.indexOf("```json") + "```json".length());
        JsonArray statements = JsonParser.parseString(json.substring(0, json.indexOf("```")))
                .getAsJsonObject()
                .getAsJsonArray("Statement");
        Set<String> actions = new TreeSet<>();
        for (JsonElement statement : statements) {
            JsonElement action = statement.getAsJsonObject().get("Action");
            if (action.isJsonArray()) {
                action.getAsJsonArray().forEach(each -> actions.add(each.getAsString()));
            } else {
                actions.add(action.getAsString());
            }
        }
        return actions;
    }
}
