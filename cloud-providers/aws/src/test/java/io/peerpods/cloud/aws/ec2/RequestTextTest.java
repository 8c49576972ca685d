package io.peerpods.cloud.aws.ec2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ec2.model.InstanceNetworkInterfaceSpecification;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.RunInstancesRequest;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

final class RequestTextTest {

    @Test
    void aRequestComesBackAsItWas() {
        RunInstancesRequest request = RunInstancesRequest.builder()
                .minCount(1)
                .maxCount(1)
                .clientToken("token")
                .userData("dXNlci1kYXRh")
                .instanceType("m6a.large")
                .networkInterfaces(InstanceNetworkInterfaceSpecification.builder()
                        .deviceIndex(0)
                        .groups("sg-1", "sg-2")
                        .subnetId("subnet-1")
                        .deleteOnTermination(true)
                        .build())
                .tagSpecifications(TagSpecification.builder()
                        .resourceType(ResourceType.INSTANCE)
                        .tags(Tag.builder().key("a").value("b").build())
                        .build())
                .metadataOptions(options -> options.httpPutResponseHopLimit(1))
                .build();

        String text = RequestText.write(request).toString();
        RunInstancesRequest.Builder again = RunInstancesRequest.builder();
        RequestText.read(JsonParser.parseString(text).getAsJsonObject(), again);

        assertThat(again.build()).isEqualTo(request);
        assertThat(RequestText.write(again.build()).toString()).isEqualTo(text);
    }

    @Test
    void aFieldThatIsNotOneOfTheRequestIsNotOverlooked() {
        JsonObject json = new JsonObject();
        json.addProperty("Colour", "red");

        assertThatThrownBy(() -> RequestText.read(json, RunInstancesRequest.builder()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Colour");
    }
}
