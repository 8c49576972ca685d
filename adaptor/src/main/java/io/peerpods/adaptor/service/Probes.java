package io.peerpods.adaptor.service;

import io.peerpods.adaptor.service.HttpEndpoint.Answer;
import io.peerpods.adaptor.service.HttpEndpoint.Page;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Supplier;

/** What a kubelet asks: has it started ({@code /startup}), does it still serve ({@code /healthz}). */
public final class Probes {

    private Probes() {}

    /**
     * The pages.
     *
     * @param notReady why the stored sandboxes are not taken up or the socket is not served yet; empty when all is
     * @param warning what does not work though Kata is served; empty when nothing. It is told and changes no status: a restart would
     *     help nothing and cost the pods that run their agent path
     */
    public static Map<String, Page> pages(Path socket, Supplier<String> notReady, Supplier<String> warning) {
        return Map.of(
                "/startup", () -> startup(notReady.get(), socket, warning.get()),
                "/healthz", () -> answer(socket, warning.get()));
    }

    private static Answer startup(String notReady, Path socket, String warning) {
        return notReady.isEmpty() ? answer(socket, warning) : Answer.text(503, notReady);
    }

    private static Answer answer(Path socket, String warning) {
        if (!UnixSocketFile.isServed(socket)) {
            return Answer.text(503, "no process listens on " + socket);
        }
        return Answer.text(200, warning.isEmpty() ? "ok" : "ok, but " + warning);
    }
}
