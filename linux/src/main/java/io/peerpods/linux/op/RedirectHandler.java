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
 * qdisc goes when it was not there before and no other program has added a filter.
 */
record RedirectHandler(Op.Redirect op) implements OpHandler {

    private static final String QDISC = "qdisc";

    private String cookie(OpContext context) {
        String text = context.owner() + " " + op.from() + " " + op.to();
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash, 0, TrafficControl.MAX_COOKIE);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private Optional<Link> from(OpContext context) {
        return context.find(op.ns()).flatMap(namespace -> namespace.link(op.from()));
    }

    private static boolean hasQdisc(OpenNamespace namespace, int index) {
        return namespace.trafficControl().qdiscs(index).stream().anyMatch(Qdisc::isIngress);
    }

    private List<Filter> ours(OpContext context, int index) {
        String cookie = cookie(context);
        return context.namespace(op.ns()).trafficControl().filters(index).stream()
                .filter(filter -> filter.cookie().equals(cookie))
                .toList();
    }

    @Override
    public JsonObject before(OpContext context) {
        JsonObject json = new JsonObject();
        from(context).ifPresent(link -> {
            // One with a filter of ours is from an earlier run, so it is ours too.
            boolean others = hasQdisc(context.namespace(op.ns()), link.index())
                    && ours(context, link.index()).isEmpty();
            OpCodec.flag(json, QDISC, others);
        });
        return json;
    }

    @Override
    public Optional<String> difference(OpContext context) {
        Optional<Link> from = from(context);
        Optional<Link> to = context.find(op.ns()).flatMap(namespace -> namespace.link(op.to()));
        if (from.isEmpty() || to.isEmpty()) {
            return Optional.of("there is no link " + (from.isEmpty() ? op.from() : op.to()));
        }
        List<Filter> filters = ours(context, from.get().index());
        boolean so = filters.size() == 1
                && filters.getFirst().redirectTo() == to.get().index();
        return so ? Optional.empty() : Optional.of(filters.isEmpty() ? "there is none" : "it goes elsewhere");
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        OpenNamespace namespace = context.namespace(op.ns());
        int from = namespace.index(op.from());
        int to = namespace.index(op.to());
        if (hasQdisc(namespace, from)) {
            ours(context, from).forEach(namespace.trafficControl()::deleteFilter);
        } else {
            namespace.trafficControl().addClsact(from);
        }
        namespace.trafficControl().addRedirect(from, to, cookie(context));
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        from(context).ifPresent(link -> {
            TrafficControl control = context.namespace(op.ns()).trafficControl();
            ours(context, link.index()).forEach(control::deleteFilter);
            boolean idle = control.filters(link.index()).isEmpty();
            if (idle && !OpCodec.flag(before, QDISC) && hasQdisc(context.namespace(op.ns()), link.index())) {
                control.deleteIngressQdisc(link.index());
            }
        });
    }
}
