package io.peerpods.tests.lab;

import io.peerpods.linux.op.LinkKind;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.Plan;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The kinds of op that the plans of a pod's network are made of beside its links and addresses. */
public enum OpKind {
    REDIRECT,
    NEIGHBOUR,
    RULE,
    ROUTE,
    NFT,
    MOVE,
    MTU;

    private boolean covers(Op op) {
        return switch (op) {
            case Op.Redirect _ -> this == REDIRECT;
            case Op.Neighbour _ -> this == NEIGHBOUR;
            case Op.Rule _ -> this == RULE;
            case Op.Route _ -> this == ROUTE;
            // An exception to a redirect, half of it an nft rule.
            case Op.Hairpin _ -> this == REDIRECT || this == NFT;
            case Op.Nft _ -> this == NFT;
            case Op.Move _ -> this == MOVE;
            case Op.Mtu _ -> this == MTU;
            default -> false;
        };
    }

    /** Whether the plan has such ops at all. */
    public boolean isIn(Plan plan) {
        return plan.ops().stream()
                .anyMatch(op -> covers(op) || (this == MTU && op instanceof Op.Link link && link.mtu() != 0));
    }

    /** The plan without them. What only makes sense after a move goes with it. */
    public Plan leftOutOf(Plan plan) {
        Set<String> neverThere = new HashSet<>();
        List<Op> kept = new ArrayList<>();
        for (Op op : plan.ops()) {
            if (covers(op)) {
                if (op instanceof Op.Move move) {
                    neverThere.add(move.to() + " " + move.name());
                }
            } else if (neverThere.stream().noneMatch(link -> link.equals(op.ns() + " " + linkOf(op)))) {
                kept.add(this == MTU ? withoutMtu(op) : op);
            }
        }
        return new Plan(plan.owner(), kept);
    }

    private static Op withoutMtu(Op op) {
        return op instanceof Op.Link link && link.kind() instanceof LinkKind.Vxlan
                ? new Op.Link(link.ns(), link.name(), link.kind(), link.mac(), 0, link.up(), link.master())
                : op;
    }

    private static String linkOf(Op op) {
        return switch (op) {
            case Op.Link link -> link.name();
            case Op.Mtu mtu -> mtu.link();
            case Op.Up up -> up.link();
            case Op.Rename rename -> rename.link();
            case Op.Address address -> address.link();
            case Op.Route route -> route.dev();
            case Op.Neighbour neighbour -> neighbour.dev();
            case Op.Fdb fdb -> fdb.dev();
            case Op.Redirect redirect -> redirect.from();
            case Op.Hairpin hairpin -> hairpin.from();
            default -> "";
        };
    }
}
