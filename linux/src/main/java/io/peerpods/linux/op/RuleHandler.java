package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.netlink.Rule;
import java.util.Objects;
import java.util.Optional;

/** {@link Op.Rule}. */
record RuleHandler(Op.Rule op) implements OpHandler {

    private boolean isIpv6() {
        return (op.from() != null && !op.from().isIpv4())
                || (op.to() != null && !op.to().isIpv4());
    }

    private Rule wanted() {
        return Rule.lookUp(isIpv6(), op.priority(), op.from(), op.to(), op.table());
    }

    private Optional<Rule> find(OpContext context) {
        Rule wanted = wanted();
        return context.find(op.ns())
                .flatMap(namespace -> namespace.rtnl().rules().stream()
                        .filter(rule -> Objects.equals(rule, wanted))
                        .findFirst());
    }

    @Override
    public JsonObject before(OpContext context) {
        return OpHandler.memory(find(context).isPresent());
    }

    @Override
    public Optional<String> difference(OpContext context) {
        return find(context).isPresent() ? Optional.empty() : Optional.of("there is no such rule");
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        context.namespace(op.ns()).rtnl().addRule(wanted());
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        if (!OpCodec.flag(before, SO)) {
            find(context).ifPresent(rule -> context.namespace(op.ns()).rtnl().deleteRule(rule));
        }
    }
}
