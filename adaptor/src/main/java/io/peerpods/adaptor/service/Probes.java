package io.peerpods.adaptor.service;

import io.peerpods.adaptor.service.HttpEndpoint.Answer;
import io.peerpods.adaptor.service.HttpEndpoint.Page;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.BooleanSupplier;

/** What a kubelet asks: has it started ({@code /startup}), does it still serve ({@code /healthz}). */
public final class Probes {

    private Probes() {}

    /**
     * The pages.
     *
     * @param started whether the stored sandboxes are taken up and the socket is served
     */
    public static Map<String, Page> pages(Path socket, BooleanSupplier started) {
        return Map.of(
                "/startup", () -> answer(started.getAsBoolean(), socket),
                "/healthz", () -> answer(true, socket));
    }

    private static Answer answer(boolean started, Path socket) {
        if (!started) {
            return Answer.text(503, "starting");
        }
        return UnixSocketFile.isServed(socket)
                ? Answer.text(200, "ok")
                : Answer.text(503, "nobody listens on " + socket);
    }
}
