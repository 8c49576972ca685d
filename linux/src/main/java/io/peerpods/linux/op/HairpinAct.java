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
record HairpinAct(Op.Hairpin op) implements Act {

    private static final String TABLE = "peerpods-hairpin";
    private static final long LOCALLY_ADMINISTERED = 0x02L << 40;
    /** Any bit that is neither the group bit nor the one above: the result is another address, and a locally administered one. */
    private static final long ANOTHER = 0x04L << 40;

    private int classId(Scene scene) {
        // 0 is no class.
        return Objects.hash(scene.owner(), op.from(), op.to(), op.mac().toString()) | 1;
    }

    private Optional<Link> link(Scene scene, String name) {
        return scene.find(op.ns()).flatMap(space -> space.link(name));
    }

    private List<Filter> ours(Scene scene, int from) {
        int classId = classId(scene);
        return scene.space(op.ns()).trafficControl().filters(from).stream()
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
    public JsonObject before(Scene scene) {
        return new JsonObject();
    }

    @Override
    public Optional<String> difference(Scene scene) {
        Optional<Link> from = link(scene, op.from());
        Optional<Link> to = link(scene, op.to());
        if (from.isEmpty() || to.isEmpty()) {
            return Optional.of("there is no link " + (from.isEmpty() ? op.from() : op.to()));
        }
        Space space = scene.space(op.ns());
        int index = from.get().index();
        List<Filter> ours = ours(scene, index);
        if (ours.size() != 1) {
            return Optional.of(ours.isEmpty() ? "no filter lets them pass" : "several filters let them pass");
        }
        int priority = ours.getFirst().priority();
        if (space.trafficControl().filters(index).stream()
                .anyMatch(other -> other.redirectTo() != 0 && other.priority() < priority)) {
            return Optional.of("a redirect takes them first");
        }
        return scene.nft().difference(scene.owner(), rules(to.get().index()), space.nftables());
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        Space space = scene.space(op.ns());
        int from = space.index(op.from());
        int to = space.index(op.to());
        ours(scene, from).forEach(space.trafficControl()::deleteFilter);
        // The rule first: what passes without it would end in this namespace.
        space.inside(() -> {
            scene.nft().install(scene.owner(), rules(to), space.nftables());
            return true;
        });
        space.trafficControl().addPass(from, op.mac(), classId(scene));
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        link(scene, op.from())
                .ifPresent(link ->
                        ours(scene, link.index()).forEach(scene.space(op.ns()).trafficControl()::deleteFilter));
        // Which index the rule leads to does not matter here: it is known by its owner.
        scene.find(op.ns())
                .ifPresent(space -> space.inside(() -> {
                    scene.nft().remove(scene.owner(), rules(0), space.nftables());
                    return true;
                }));
    }
}
