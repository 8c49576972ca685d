package io.peerpods.tests.lab;

import java.util.List;

/** Where an adaptor gets pod VMs from; they run in the local VPC in any case. */
public interface Cloud {

    /** The local VPC itself, by the provider {@code local}. */
    Cloud LOCAL = new Cloud() {
        @Override
        public Adaptor.Options options(PodConnection setting) {
            return Adaptor.Options.of(setting);
        }

        @Override
        public List<String> left() {
            return List.of();
        }
    };

    /** What an adaptor is started with to use it. */
    Adaptor.Options options(PodConnection setting);

    /** What it still holds of pods, thing by thing, beside the local VPC's own. */
    List<String> left();
}
