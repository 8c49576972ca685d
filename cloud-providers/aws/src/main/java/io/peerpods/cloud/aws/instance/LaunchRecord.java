package io.peerpods.cloud.aws.instance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.peerpods.cloud.LaunchLog;
import io.peerpods.cloud.aws.ec2.RequestText;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.services.ec2.model.CreateNetworkInterfaceRequest;
import software.amazon.awssdk.services.ec2.model.RunInstancesRequest;

/**
 * What one sandbox's launches did, as far as anything may be left of it. Every change is on disk before the method
 * returns, so the order of calls on this and on EC2 is what makes a crash harmless: first the intent, then the effect, then
 * what came of it.
 *
 * <p>JSON: {@code generation}; {@code run}, the launch request whose answer is not known; {@code instance},
 * {@code interfaces}, {@code subnet}, {@code address} of the VM that was launched; {@code earlier}, instances of former
 * generations; {@code addresses}, a list of {@code device}, {@code allocation}, {@code ip},
 * {@code association}, and {@code addressesUncertain} when only the tags tell of all of them;
 * {@code secondary}, with {@code request}, {@code id}, {@code kept}; {@code volumes}.
 */
public final class LaunchRecord {

    private static final Logger logger = LoggerFactory.getLogger(LaunchRecord.class);

    private final LaunchLog log;
    private final JsonObject json;
    private final boolean trusted;

    private LaunchRecord(LaunchLog log, JsonObject json, boolean trusted) {
        this.log = log;
        this.json = json;
        this.trusted = trusted;
    }

    /** The record in a log; an empty one when there is none. */
    public static LaunchRecord open(LaunchLog log) {
        Optional<String> last = log.last();
        if (last.isEmpty()) {
            return new LaunchRecord(log, new JsonObject(), false);
        }
        try {
            return new LaunchRecord(log, JsonParser.parseString(last.get()).getAsJsonObject(), true);
        } catch (JsonParseException | IllegalStateException e) {
            logger.warn("a launch record is not readable, tags are looked at instead: {}", e.toString());
            return new LaunchRecord(log, new JsonObject(), false);
        }
    }

    /** Whether the record tells everything; otherwise only the tags do. */
    public boolean isComplete() {
        return trusted;
    }

    private void save() {
        log.write(json.toString());
    }

    public int generation() {
        JsonElement number = json.get("generation");
        return number == null ? 0 : number.getAsInt();
    }

    /** The launch request is about to be sent. */
    void sending(int generation, RunInstancesRequest request) {
        json.addProperty("generation", generation);
        json.add("run", RequestText.write(request));
        save();
    }

    /** The launch request whose outcome is not known. */
    public Optional<RunInstancesRequest> open() {
        if (json.get("run") instanceof JsonObject run) {
            RunInstancesRequest.Builder builder = RunInstancesRequest.builder();
            RequestText.read(run, builder);
            return Optional.of(builder.build());
        }
        return Optional.empty();
    }

    /** The request had no effect. */
    void refused() {
        json.remove("run");
        save();
    }

    /** The request made this instance. */
    void launched(String instance, List<String> interfaces, String subnet, String address) {
        json.remove("run");
        json.addProperty("instance", instance);
        JsonArray all = new JsonArray();
        interfaces.forEach(all::add);
        json.add("interfaces", all);
        json.addProperty("subnet", subnet);
        json.addProperty("address", address);
        save();
    }

    /** The instance is gone, or going: another generation may be launched. */
    void lost() {
        String instance = instance();
        if (!instance.isEmpty()) {
            array("earlier").add(instance);
        }
        List.of("run", "instance", "interfaces", "subnet", "address").forEach(json::remove);
        save();
    }

    public String instance() {
        return text(json, "instance");
    }

    /** The instance's interfaces in the order of their device indexes. */
    List<String> interfaces() {
        return texts("interfaces");
    }

    String subnet() {
        return text(json, "subnet");
    }

    String address() {
        return text(json, "address");
    }

    /** Every instance that may still be there, the current one last. */
    public List<String> instances() {
        List<String> all = texts("earlier");
        if (!instance().isEmpty()) {
            all.add(instance());
        }
        return all;
    }

    /**
     * An Elastic IP of this launch, or the intent to allocate one while {@code allocation} is empty.
     *
     * @param device the device index of the interface that it is for
     */
    record Address(int device, String allocation, String ip, String association) {

        static Address wish(int device) {
            return new Address(device, "", "", "");
        }
    }

    List<Address> addresses() {
        List<Address> all = new ArrayList<>();
        if (json.get("addresses") instanceof JsonArray array) {
            for (JsonElement element : array) {
                JsonObject address = element.getAsJsonObject();
                all.add(new Address(
                        address.get("device").getAsInt(),
                        text(address, "allocation"),
                        text(address, "ip"),
                        text(address, "association")));
            }
        }
        return all;
    }

    Optional<Address> address(int device) {
        return addresses().stream()
                .filter(address -> address.device() == device)
                .findFirst();
    }

    /** Keeps what is known of the address for a device. */
    void address(Address address) {
        List<Address> all = addresses();
        all.removeIf(other -> other.device() == address.device());
        all.add(address);
        write(all);
    }

    /** There is no address for this device, and none is wished for. */
    void noAddress(int device) {
        List<Address> all = addresses();
        all.removeIf(other -> other.device() == device);
        write(all);
    }

    /** An address may have been allocated that only its tags tell of. */
    void addressesUncertain() {
        json.addProperty("addressesUncertain", true);
        save();
    }

    /** Whether only the tags tell of every address. */
    boolean looksForAddresses() {
        return json.has("addressesUncertain")
                || addresses().stream().anyMatch(address -> address.allocation().isEmpty());
    }

    private void write(List<Address> all) {
        JsonArray array = new JsonArray();
        for (Address each : all) {
            JsonObject object = new JsonObject();
            object.addProperty("device", each.device());
            object.addProperty("allocation", each.allocation());
            object.addProperty("ip", each.ip());
            object.addProperty("association", each.association());
            array.add(object);
        }
        json.add("addresses", array);
        save();
    }

    /** The request that makes the secondary interface is about to be sent. */
    void sendingSecondary(CreateNetworkInterfaceRequest request) {
        JsonObject secondary = new JsonObject();
        secondary.add("request", RequestText.write(request));
        json.add("secondary", secondary);
        save();
    }

    /** The secondary interface was made. */
    void secondaryMade(String id) {
        secondary().addProperty("id", id);
        save();
    }

    /** EC2 deletes the secondary interface together with the instance. */
    void secondaryBelongsToInstance() {
        secondary().addProperty("kept", false);
        save();
    }

    /** The request for the secondary interface, once there is one. */
    Optional<CreateNetworkInterfaceRequest> secondaryRequest() {
        if (json.get("secondary") instanceof JsonObject secondary
                && secondary.get("request") instanceof JsonObject request) {
            CreateNetworkInterfaceRequest.Builder builder = CreateNetworkInterfaceRequest.builder();
            RequestText.read(request, builder);
            return Optional.of(builder.build());
        }
        return Optional.empty();
    }

    String secondaryId() {
        return text(secondary(), "id");
    }

    /** Whether the secondary interface would outlive the instance. */
    boolean secondaryIsOnItsOwn() {
        return secondary().has("request") && !secondary().has("kept");
    }

    private JsonObject secondary() {
        return json.get("secondary") instanceof JsonObject secondary ? secondary : new JsonObject();
    }

    /** These volumes are about to be attached. */
    void attaching(List<String> volumes) {
        JsonArray array = new JsonArray();
        volumes.forEach(array::add);
        json.add("volumes", array);
        save();
    }

    List<String> volumes() {
        return texts("volumes");
    }

    /** Everything that this record spoke of is gone. The generation stays, so that no token is ever used twice. */
    void gone() {
        int generation = generation();
        List.copyOf(json.keySet()).forEach(json::remove);
        json.addProperty("generation", generation);
        save();
    }

    private JsonArray array(String key) {
        if (json.get(key) instanceof JsonArray array) {
            return array;
        }
        JsonArray array = new JsonArray();
        json.add(key, array);
        return array;
    }

    private List<String> texts(String key) {
        List<String> all = new ArrayList<>();
        if (json.get(key) instanceof JsonArray array) {
            array.forEach(text -> all.add(text.getAsString()));
        }
        return all;
    }

    private static String text(JsonObject object, String key) {
        JsonElement value = object.get(key);
        return value == null ? "" : value.getAsString();
    }
}
