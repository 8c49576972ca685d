package io.peerpods.tests.lab;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * One line of the check table.
 *
 * @param name what must be so, as a sentence
 * @param dependsOn under which settings it is checked, and the kinds of op that it needs there: with one of them left out of the
 *     plans the check fails
 */
public record Row(String name, Map<PodConnection, Set<OpKind>> dependsOn, Probe probe) {

    /** Looks whether the row holds. */
    @FunctionalInterface
    public interface Probe {
        Proof look(PodTopology topology) throws Exception;
    }

    /**
     * What a probe found.
     *
     * @param words what was counted, where
     */
    public record Proof(boolean holds, String words) {

        /** Both must hold. */
        public Proof and(Proof other) {
            return new Proof(holds && other.holds, words + "; " + other.words);
        }
    }

    static Row of(String name, Probe probe) {
        return new Row(name, new EnumMap<>(PodConnection.class), probe);
    }

    /** Checked under this setting, too; it needs these kinds of op there. */
    Row under(PodConnection setting, OpKind... kinds) {
        Map<PodConnection, Set<OpKind>> more = new EnumMap<>(dependsOn);
        Set<OpKind> set = EnumSet.noneOf(OpKind.class);
        set.addAll(Set.of(kinds));
        more.put(setting, set);
        return new Row(name, more, probe);
    }

    public boolean isUnder(PodConnection setting) {
        return dependsOn.containsKey(setting);
    }

    /** The kinds of op without which it fails. */
    public Set<OpKind> needs(PodConnection setting) {
        return dependsOn.getOrDefault(setting, Set.of());
    }

    /** Looks; whatever is thrown is a failure with that reason. */
    public Proof look(PodTopology topology) {
        try {
            return probe.look(topology);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new Proof(false, "interrupted");
        } catch (Exception e) {
            return new Proof(false, e.toString());
        }
    }
}
