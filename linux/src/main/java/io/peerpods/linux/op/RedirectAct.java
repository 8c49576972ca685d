package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.netlink.Filter;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.Qdisc;
import io.peerpods.linux.netlink.TrafficControl;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * {@link Op.Redirect}. The filter's action carries a cookie made of owner and link names, so ours is known among others'. The ingress
 * qdisc goes when it was not there before and nobody else has put a filter in.
 */
record RedirectAct(Op.Redirect op) implements Act {

    private static final String QDISC = "qdisc";

    private String cookie(Scene scene) {
        String text = scene.owner() + " " + op.from() + " " + op.to();
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash, 0, TrafficControl.MAX_COOKIE);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private Optional<Link> from(Scene scene) {
        return scene.find(op.ns()).flatMap(space -> space.link(op.from()));
    }

    private static boolean hasQdisc(Space space, int index) {
        return space.trafficControl().qdiscs(index).stream().anyMatch(Qdisc::isIngress);
    }

    private List<Filter> ours(Scene scene, int index) {
        String cookie = cookie(scene);
        return scene.space(op.ns()).trafficControl().filters(index).stream()
                .filter(filter -> filter.cookie().equals(cookie))
                .toList();
    }

    @Override
    public JsonObject before(Scene scene) {
        JsonObject json = new JsonObject();
        from(scene).ifPresent(link -> {
            // One with a filter of ours is from an earlier run, so it is ours too.
            boolean others = hasQdisc(scene.space(op.ns()), link.index())
                    && ours(scene, link.index()).isEmpty();
            OpCodec.flag(json, QDISC, others);
        });
        return json;
    }

    @Override
    public Optional<String> difference(Scene scene) {
        Optional<Link> from = from(scene);
        Optional<Link> to = scene.find(op.ns()).flatMap(space -> space.link(op.to()));
        if (from.isEmpty() || to.isEmpty()) {
            return Optional.of("there is no link " + (from.isEmpty() ? op.from() : op.to()));
        }
        List<Filter> filters = ours(scene, from.get().index());
        boolean so = filters.size() == 1
                && filters.getFirst().redirectTo() == to.get().index();
        return so ? Optional.empty() : Optional.of(filters.isEmpty() ? "there is none" : "it goes elsewhere");
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        Space space = scene.space(op.ns());
        int from = space.index(op.from());
        int to = space.index(op.to());
        if (hasQdisc(space, from)) {
            ours(scene, from).forEach(space.trafficControl()::deleteFilter);
        } else {
            space.trafficControl().addClsact(from);
        }
        space.trafficControl().addRedirect(from, to, cookie(scene));
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        from(scene).ifPresent(link -> {
            TrafficControl control = scene.space(op.ns()).trafficControl();
            ours(scene, link.index()).forEach(control::deleteFilter);
            boolean idle = control.filters(link.index()).isEmpty();
            if (idle && !OpCodec.flag(before, QDISC) && hasQdisc(scene.space(op.ns()), link.index())) {
                control.deleteIngressQdisc(link.index());
            }
        });
    }
}
