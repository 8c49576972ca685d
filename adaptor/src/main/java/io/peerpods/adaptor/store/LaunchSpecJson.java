package io.peerpods.adaptor.store;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.VolumeSpec;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A launch specification and a VM as JSON, for the store only. */
final class LaunchSpecJson {

    private LaunchSpecJson() {}

    static String write(LaunchSpec spec) {
        JsonObject json = new JsonObject();
        json.addProperty("sandboxId", spec.sandboxId().value());
        json.addProperty("podName", spec.podName());
        json.addProperty("podNamespace", spec.podNamespace());
        json.addProperty("name", spec.name());
        json.addProperty("userData", spec.userData());
        json.addProperty("externalNetwork", spec.externalNetwork());
        json.addProperty("instanceType", spec.instanceType());
        json.addProperty("vcpus", spec.vcpus());
        json.addProperty("memoryMib", spec.memoryMib());
        json.addProperty("gpus", spec.gpus());
        json.addProperty("gpuModel", spec.gpuModel());
        json.addProperty("image", spec.image());
        JsonArray volumes = new JsonArray();
        for (VolumeSpec volume : spec.volumes()) {
            JsonObject one = new JsonObject();
            one.addProperty("name", volume.name());
            one.addProperty("volumeId", volume.volumeId());
            JsonObject options = new JsonObject();
            new TreeMap<>(volume.options()).forEach(options::addProperty);
            one.add("options", options);
            volumes.add(one);
        }
        json.add("volumes", volumes);
        return json.toString();
    }

    static LaunchSpec readSpec(String text) {
        JsonObject json = JsonParser.parseString(text).getAsJsonObject();
        List<VolumeSpec> volumes = new ArrayList<>();
        for (JsonElement element : json.getAsJsonArray("volumes")) {
            JsonObject one = element.getAsJsonObject();
            Map<String, String> options = new TreeMap<>();
            one.getAsJsonObject("options")
                    .entrySet()
                    .forEach(entry ->
                            options.put(entry.getKey(), entry.getValue().getAsString()));
            volumes.add(new VolumeSpec(
                    one.get("name").getAsString(), one.get("volumeId").getAsString(), options));
        }
        return new LaunchSpec(
                SandboxId.parse(json.get("sandboxId").getAsString()),
                json.get("podName").getAsString(),
                json.get("podNamespace").getAsString(),
                json.get("name").getAsString(),
                json.get("userData").getAsString(),
                json.get("externalNetwork").getAsBoolean(),
                json.get("instanceType").getAsString(),
                json.get("vcpus").getAsDouble(),
                json.get("memoryMib").getAsLong(),
                json.get("gpus").getAsInt(),
                json.get("gpuModel").getAsString(),
                json.get("image").getAsString(),
                volumes);
    }

    static String write(PodVm vm) {
        JsonObject json = new JsonObject();
        json.addProperty("id", vm.id());
        JsonArray addresses = new JsonArray();
        vm.addresses().forEach(address -> addresses.add(HexFormat.of().formatHex(address.getAddress())));
        json.add("addresses", addresses);
        return json.toString();
    }

    static PodVm readVm(String text) {
        JsonObject json = JsonParser.parseString(text).getAsJsonObject();
        List<InetAddress> addresses = new ArrayList<>();
        for (JsonElement element : json.getAsJsonArray("addresses")) {
            try {
                addresses.add(InetAddress.getByAddress(HexFormat.of().parseHex(element.getAsString())));
            } catch (UnknownHostException e) {
                throw new IllegalArgumentException("not an address: " + element, e);
            }
        }
        return new PodVm(json.get("id").getAsString(), addresses);
    }
}
