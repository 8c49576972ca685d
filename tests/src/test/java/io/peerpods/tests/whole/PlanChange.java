package io.peerpods.tests.whole;

import io.peerpods.linux.nft.NftRules;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.Plan;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** Takes single things out of a plan. */
final class PlanChange {

    private PlanChange() {}

    /** Without the ops that match. */
    static UnaryOperator<Plan> withoutOps(Predicate<Op> unwanted) {
        return plan -> new Plan(
                plan.owner(),
                plan.ops().stream().filter(Predicate.not(unwanted)).toList());
    }

    /** Without the nft rules whose text matches; their tables and chains stay. */
    static UnaryOperator<Plan> withoutRules(Predicate<NftRules.Rule> unwanted) {
        return plan -> new Plan(
                plan.owner(),
                plan.ops().stream().map(op -> withoutRules(op, unwanted)).toList());
    }

    /** One after the other. */
    static UnaryOperator<Plan> both(UnaryOperator<Plan> first, UnaryOperator<Plan> second) {
        return plan -> second.apply(first.apply(plan));
    }

    private static Op withoutRules(Op op, Predicate<NftRules.Rule> unwanted) {
        if (!(op instanceof Op.Nft nft)) {
            return op;
        }
        NftRules rules = nft.rules();
        List<NftRules.Rule> kept =
                rules.rules().stream().filter(Predicate.not(unwanted)).toList();
        return new Op.Nft(nft.ns(), new NftRules(rules.family(), rules.table(), rules.chains(), rules.sets(), kept));
    }
}
