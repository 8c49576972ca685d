package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.netlink.Filter;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.nft.NftRules;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * {@link Op.Hairpin}. The kernel asks traffic control before netfilter's ingress hook: one filter lets the frames pass the redirect, and
 * an nft rule behind it changes their source and forwards them. nft does it because tc's {@code pedit} is not in every
 * kernel. The filter's class is a number made of owner, links and address, so ours is known among others'.
 */
record HairpinHandler(Op.Hairpin op) implements OpHandler {

    private static final String TABLE = "peerpods-hairpin";
    private static final long LOCALLY_ADMINISTERED = 0x02L << 40;
    /** Any bit that is neither the group bit nor the one above: the result is another address, and a locally administered one. */
    private static final long ANOTHER = 0x04L << 40;

    private int classId(OpContext context) {
        // 0 is no class.
        return Objects.hash(context.owner(), op.from(), op.to(), op.mac().toString()) | 1;
    }

    private Optional<Link> link(OpContext context, String name) {
        return context.find(op.ns()).flatMap(namespace -> namespace.link(name));
    }

    private List<Filter> ours(OpContext context, int from) {
        int classId = classId(context);
        return context.namespace(op.ns()).trafficControl().filters(from).stream()
                .filter(filter -> filter.classId() == classId)
                .toList();
    }

    /** The index is part of the rule's text, so a rule that leads to a link that has been made anew since differs. */
    private NftRules rules(int to) {
        NftRules.Chain chain = new NftRules.Chain(
                "hairpin_" + Integer.toHexString(op.from().hashCode()), "filter", "ingress", op.from(), 0);
        String text = "ether saddr " + op.mac() + " ether daddr " + op.mac() + " counter ether saddr set " + source()
                + " fwd to " + to;
        return new NftRules("netdev", TABLE, List.of(chain), List.of(new NftRules.Rule(chain.name(), text)));
    }

    private MacAddress source() {
        return new MacAddress((op.mac().value() ^ ANOTHER) | LOCALLY_ADMINISTERED);
    }

    @Override
    public JsonObject before(OpContext context) {
        return new JsonObject();
    }

    @Override
    public Optional<String> difference(OpContext context) {
        Optional<Link> from = link(context, op.from());
        Optional<Link> to = link(context, op.to());
        if (from.isEmpty() || to.isEmpty()) {
            return Optional.of("there is no link " + (from.isEmpty() ? op.from() : op.to()));
        }
        OpenNamespace namespace = context.namespace(op.ns());
        int index = from.get().index();
        List<Filter> ours = ours(context, index);
        if (ours.size() != 1) {
            return Optional.of(ours.isEmpty() ? "no filter lets them pass" : "several filters let them pass");
        }
        int priority = ours.getFirst().priority();
        if (namespace.trafficControl().filters(index).stream()
                .anyMatch(other -> other.redirectTo() != 0 && other.priority() < priority)) {
            return Optional.of("a redirect takes them first");
        }
        return context.nft().difference(context.owner(), rules(to.get().index()), namespace.nftables());
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        OpenNamespace namespace = context.namespace(op.ns());
        int from = namespace.index(op.from());
        int to = namespace.index(op.to());
        ours(context, from).forEach(namespace.trafficControl()::deleteFilter);
        // The rule first: what passes without it would end in this namespace.
        namespace.inside(() -> {
            context.nft().install(context.owner(), rules(to), namespace.nftables());
            return true;
        });
        namespace.trafficControl().addPass(from, op.mac(), classId(context));
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        link(context, op.from())
                .ifPresent(link -> ours(context, link.index())
                        .forEach(context.namespace(op.ns()).trafficControl()::deleteFilter));
        // Which index the rule leads to does not matter here: it is known by its owner.
        context.find(op.ns())
                .ifPresent(namespace -> namespace.inside(() -> {
                    context.nft().remove(context.owner(), rules(0), namespace.nftables());
                    return true;
                }));
    }
}
