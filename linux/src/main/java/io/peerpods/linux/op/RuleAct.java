package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.netlink.Rule;
import java.util.Objects;
import java.util.Optional;

/** {@link Op.Rule}. */
record RuleAct(Op.Rule op) implements Act {

    private boolean isIpv6() {
        return (op.from() != null && !op.from().isIpv4())
                || (op.to() != null && !op.to().isIpv4());
    }

    private Rule wanted() {
        return Rule.lookUp(isIpv6(), op.priority(), op.from(), op.to(), op.table());
    }

    private Optional<Rule> find(Scene scene) {
        Rule wanted = wanted();
        return scene.find(op.ns())
                .flatMap(space -> space.rtnl().rules().stream()
                        .filter(rule -> Objects.equals(rule, wanted))
                        .findFirst());
    }

    @Override
    public JsonObject before(Scene scene) {
        return Act.memory(find(scene).isPresent());
    }

    @Override
    public Optional<String> difference(Scene scene) {
        return find(scene).isPresent() ? Optional.empty() : Optional.of("there is no such rule");
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        scene.space(op.ns()).rtnl().addRule(wanted());
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        if (!OpCodec.flag(before, SO)) {
            find(scene).ifPresent(rule -> scene.space(op.ns()).rtnl().deleteRule(rule));
        }
    }
}
