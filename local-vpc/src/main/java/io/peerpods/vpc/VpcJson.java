package io.peerpods.vpc;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.TypeAdapter;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.JsonWriter;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The VPC's records as JSON: values that have a text form are written in it. */
final class VpcJson {

    static final Gson GSON = new GsonBuilder()
            .registerTypeHierarchyAdapter(InetAddress.class, text(IpAddresses::text, IpAddresses::parse))
            .registerTypeHierarchyAdapter(Path.class, text(Path::toString, Path::of))
            .registerTypeAdapter(IpPrefix.class, text(IpPrefix::toString, IpPrefix::of))
            .registerTypeAdapter(MacAddress.class, text(MacAddress::toString, MacAddress::of))
            .registerTypeAdapter(Duration.class, text(Duration::toString, Duration::parse))
            .registerTypeAdapter(Instant.class, text(Instant::toString, Instant::parse))
            .setPrettyPrinting()
            .disableHtmlEscaping()
            .create();

    private VpcJson() {}

    private static <T> TypeAdapter<T> text(Function<T, String> write, Function<String, T> read) {
        return new TypeAdapter<T>() {
            @Override
            public void write(JsonWriter out, @Nullable T value) throws IOException {
                if (value == null) {
                    out.nullValue();
                } else {
                    out.value(write.apply(value));
                }
            }

            @Override
            public @Nullable T read(JsonReader in) throws IOException {
                if (in.peek() == JsonToken.NULL) {
                    in.nextNull();
                    return null;
                }
                return read.apply(in.nextString());
            }
        };
    }
}
