package io.peerpods.linux.nft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.NftablesReader;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@NeedsRoot
@NeedsProgram("nft")
class NftTablesTest {

    private static final List<NftRules.Chain> CHAINS = List.of(
            new NftRules.Chain("pre", "filter", "prerouting", -300),
            new NftRules.Chain("out", "filter", "output", -300));

    private final TempNetns namespace = TempNetns.create("nft");
    private final Netns netns = Netns.open(namespace.path());
    private final NftablesReader kernel = NftablesReader.open(netns);
    private final NftApplier tables = new NftApplier(NftProgram.find());

    @AfterEach
    void remove() {
        kernel.close();
        netns.close();
        namespace.close();
    }

    private static NftRules rules(int vni) {
        return new NftRules(
                "inet",
                "peerpods-1",
                CHAINS,
                List.of(
                        new NftRules.Rule("pre", "udp dport 4789 @th,96,24 " + vni + " ip saddr != 10.0.0.7 drop"),
                        new NftRules.Rule("pre", "ip saddr 10.0.0.7 udp dport 4789 notrack"),
                        new NftRules.Rule("out", "ip daddr 10.0.0.7 udp dport 4789 notrack")));
    }

    private void install(String owner, NftRules rules) {
        netns.run(() -> {
            tables.install(owner, rules, kernel);
            return true;
        });
    }

    private void remove(String owner, NftRules rules) {
        netns.run(() -> {
            tables.remove(owner, rules, kernel);
            return true;
        });
    }

    private String ruleset() {
        return namespace.exec("nft", "list", "ruleset");
    }

    @Test
    void anOwnersRulesComeAndGoBesideAnothers() {
        assertThat(tables.difference("peerpods:a", rules(1), kernel)).isPresent();
        install("peerpods:a", rules(1));
        install("peerpods:aa", rules(2)); // its name begins as the other's does
        assertThat(tables.difference("peerpods:a", rules(1), kernel)).isEmpty();
        assertThat(tables.difference("peerpods:a", rules(3), kernel)).isPresent();
        assertThat(kernel.rules("inet", "peerpods-1")).hasSize(6);
        remove("peerpods:a", rules(1));
        assertThat(tables.difference("peerpods:aa", rules(2), kernel)).isEmpty();
        assertThat(ruleset()).doesNotContain("peerpods:a #").contains("peerpods:aa #");
        remove("peerpods:aa", rules(2));
        assertThat(ruleset()).isEmpty();
        remove("peerpods:aa", rules(2));
    }

    @Test
    void installedTwiceTheyAreThereOnce() {
        install("peerpods:a", rules(1));
        install("peerpods:a", rules(1));
        assertThat(kernel.rules("inet", "peerpods-1")).hasSize(3);
        assertThat(tables.difference("peerpods:a", rules(1), kernel)).isEmpty();
    }

    @Test
    void aRuleThatSomebodyRemovedIsMissed() {
        install("peerpods:a", rules(1));
        NftablesReader.Rule rule = kernel.rules("inet", "peerpods-1").getFirst();
        namespace.exec("nft", "delete", "rule", "inet", "peerpods-1", rule.chain(), "handle", rule.handle() + "");
        assertThat(tables.difference("peerpods:a", rules(1), kernel).orElseThrow())
                .contains("1 rules missing")
                .contains("@th,96,24");
        install("peerpods:a", rules(1));
        assertThat(tables.difference("peerpods:a", rules(1), kernel)).isEmpty();
        assertThat(kernel.rules("inet", "peerpods-1")).hasSize(3);
    }

    @Test
    void aRuleReplacedUnderTheSameCommentIsPutBack() {
        install("peerpods:a", rules(1));
        String before = ruleset();
        NftablesReader.Rule rule = kernel.rules("inet", "peerpods-1").getFirst();
        namespace.exec(
                "nft",
                "replace rule inet peerpods-1 " + rule.chain() + " handle " + rule.handle()
                        + " udp dport 1 accept comment \"" + rule.comment() + "\"");
        assertThat(ruleset()).isNotEqualTo(before);
        assertThat(tables.difference("peerpods:a", rules(1), kernel).orElseThrow())
                .contains("under the same comment");
        install("peerpods:a", rules(1));
        assertThat(tables.difference("peerpods:a", rules(1), kernel)).isEmpty();
        assertThat(ruleset()).isEqualTo(before);
    }

    @Test
    void aTableMadeAnewWithOtherRulesOfTheSameCommentsAndNumbersIsPutBack() {
        install("peerpods:a", rules(1));
        String before = ruleset();
        String forged = before.replace("4789", "4788");
        namespace.exec("nft", "flush ruleset; " + forged);
        assertThat(ruleset()).isEqualTo(forged);
        assertThat(tables.difference("peerpods:a", rules(1), kernel)).isPresent();
        install("peerpods:a", rules(1));
        assertThat(ruleset()).isEqualTo(before);
    }

    @Test
    void aRuleReplacedAfterARestartIsPutBack() {
        install("peerpods:a", rules(1));
        NftApplier restarted = new NftApplier(NftProgram.find());
        assertThat(restarted.difference("peerpods:a", rules(1), kernel)).isEmpty();
        NftablesReader.Rule rule = kernel.rules("inet", "peerpods-1").getFirst();
        namespace.exec(
                "nft",
                "replace rule inet peerpods-1 " + rule.chain() + " handle " + rule.handle()
                        + " udp dport 1 accept comment \"" + rule.comment() + "\"");
        assertThat(restarted.difference("peerpods:a", rules(1), kernel)).isPresent();
    }

    @Test
    void aTableThatWasMadeDormantIsInForceAgain() {
        install("peerpods:a", rules(1));
        String before = ruleset();
        namespace.exec("nft", "add table inet peerpods-1 { flags dormant; }");
        assertThat(tables.difference("peerpods:a", rules(1), kernel).orElseThrow())
                .contains("dormant");
        install("peerpods:a", rules(1));
        assertThat(tables.difference("peerpods:a", rules(1), kernel)).isEmpty();
        assertThat(ruleset()).isEqualTo(before);
    }

    @Test
    void aChainThatWasTakenOffItsHookIsBackThere() {
        install("peerpods:a", rules(1));
        String before = ruleset();
        String unhooked = before.replace("type filter hook output priority raw; policy accept;", "");
        assertThat(unhooked).isNotEqualTo(before);
        namespace.exec("nft", "flush ruleset; " + unhooked);
        assertThat(tables.difference("peerpods:a", rules(1), kernel).orElseThrow())
                .contains("chain out");
        install("peerpods:a", rules(1));
        assertThat(tables.difference("peerpods:a", rules(1), kernel)).isEmpty();
        assertThat(ruleset()).isEqualTo(before);
    }

    @Test
    void countedPacketsAreNoDifference() {
        NftRules counting = new NftRules(
                "inet", "peerpods-1", CHAINS, List.of(new NftRules.Rule("out", "ip daddr 127.0.0.1 counter")));
        install("peerpods:a", counting);
        namespace.exec("ip", "link", "set", "lo", "up");
        namespace.exec("ping", "-c", "1", "127.0.0.1");
        assertThat(ruleset()).doesNotContain("packets 0");
        assertThat(tables.difference("peerpods:a", counting, kernel)).isEmpty();
    }

    @Test
    void anotherOwnersTransactionIsNoDifference() {
        install("peerpods:a", rules(1));
        install("peerpods:b", rules(2));
        remove("peerpods:b", rules(2));
        assertThat(tables.difference("peerpods:a", rules(1), kernel)).isEmpty();
    }

    @Test
    void tablesOfOthersStayAsTheyAre() {
        namespace.exec(
                "nft",
                "add table inet other; add chain inet other c { type filter hook input priority 0 ; };"
                        + " add rule inet other c tcp dport 1 drop comment \"peerpods:a #12345678\"");
        String before = ruleset();
        install("peerpods:a", rules(1));
        remove("peerpods:a", rules(1));
        assertThat(ruleset()).isEqualTo(before);
    }

    @Test
    void aRuleOfSomebodyElseKeepsTheTable() {
        install("peerpods:a", rules(1));
        namespace.exec("nft", "add rule inet peerpods-1 pre tcp dport 1 drop");
        remove("peerpods:a", rules(1));
        assertThat(ruleset()).contains("tcp dport 1 drop").doesNotContain("peerpods:a");
    }

    @Test
    void aRefusedTransactionSaysWhyAndDoesNothing() {
        NftRules wrong = new NftRules(
                "inet",
                "peerpods-1",
                CHAINS,
                List.of(
                        new NftRules.Rule("pre", "udp dport 4789 notrack"),
                        new NftRules.Rule("pre", "no such statement")));
        assertThatExceptionOfType(NftException.class)
                .isThrownBy(() -> install("peerpods:a", wrong))
                .withMessageContaining("no such statement");
        assertThat(ruleset()).isEmpty();
    }

    @Test
    void manyOwnersAtOnceLeaveNothing() throws Exception {
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> owners = IntStream.range(0, 10)
                    .<Future<?>>mapToObj(i -> threads.submit(() -> {
                        String owner = "peerpods:" + i;
                        for (int round = 0; round < 3; round++) {
                            install(owner, rules(i));
                            assertThat(tables.difference(owner, rules(i), kernel))
                                    .isEmpty();
                            remove(owner, rules(i));
                        }
                    }))
                    .toList();
            for (Future<?> owner : owners) {
                owner.get();
            }
        }
        assertThat(ruleset()).isEmpty();
    }
}
