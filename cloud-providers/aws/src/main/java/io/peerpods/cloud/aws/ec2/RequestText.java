package io.peerpods.cloud.aws.ec2;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.core.SdkField;
import software.amazon.awssdk.core.SdkPojo;
import software.amazon.awssdk.core.protocol.MarshallingType;
import software.amazon.awssdk.core.traits.ListTrait;
import software.amazon.awssdk.utils.builder.SdkBuilder;

/**
 * A request of the SDK as JSON and back, field by field, so that a request kept on disk is sent again exactly as it was,
 * also by a later version of this program that would build it differently. Texts, numbers, booleans, structures and
 * lists: what EC2 requests are made of.
 */
public final class RequestText {

    private RequestText() {}

    /** Every field that is set, under the SDK's member name. */
    public static JsonObject write(SdkPojo request) {
        JsonObject json = new JsonObject();
        for (SdkField<?> field : request.sdkFields()) {
            Object value = field.getValueOrDefault(request);
            if (value instanceof List<?> list && list.isEmpty()) {
                continue;
            }
            if (value != null) {
                json.add(field.memberName(), element(field.memberName(), value));
            }
        }
        return json;
    }

    private static JsonElement element(String name, Object value) {
        return switch (value) {
            case String text -> new JsonPrimitive(text);
            case Number number -> new JsonPrimitive(number);
            case Boolean flag -> new JsonPrimitive(flag);
            case SdkPojo structure -> write(structure);
            case List<?> list -> {
                JsonArray array = new JsonArray();
                list.forEach(item -> array.add(element(name, item)));
                yield array;
            }
            default -> throw new IllegalArgumentException(name + " is a " + value.getClass() + ", which is not kept");
        };
    }

    /**
     * Reads what {@link #write} wrote into an empty builder.
     *
     * @throws IllegalArgumentException when a field is not one of this request
     */
    public static void read(JsonObject json, SdkPojo builder) {
        List<String> unknown = new ArrayList<>(json.keySet());
        for (SdkField<?> field : builder.sdkFields()) {
            JsonElement element = json.get(field.memberName());
            if (element != null) {
                field.set(builder, value(field, element));
                unknown.remove(field.memberName());
            }
        }
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException(builder.getClass().getSimpleName() + " has no fields " + unknown);
        }
    }

    private static Object value(SdkField<?> field, JsonElement element) {
        MarshallingType<?> type = field.marshallingType();
        if (type.equals(MarshallingType.STRING)) {
            return element.getAsString();
        }
        if (type.equals(MarshallingType.INTEGER)) {
            return element.getAsInt();
        }
        if (type.equals(MarshallingType.LONG)) {
            return element.getAsLong();
        }
        if (type.equals(MarshallingType.DOUBLE)) {
            return element.getAsDouble();
        }
        if (type.equals(MarshallingType.BOOLEAN)) {
            return element.getAsBoolean();
        }
        if (type.equals(MarshallingType.SDK_POJO)) {
            SdkPojo builder = field.constructor().get();
            read(element.getAsJsonObject(), builder);
            return ((SdkBuilder<?, ?>) builder).build();
        }
        if (type.equals(MarshallingType.LIST)) {
            SdkField<?> item = field.getTrait(ListTrait.class).memberFieldInfo();
            List<Object> values = new ArrayList<>();
            element.getAsJsonArray().forEach(each -> values.add(value(item, each)));
            return values;
        }
        throw new IllegalArgumentException(field.memberName() + " is a " + type + ", which is not kept");
    }
}
