package io.peerpods.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OutsideTextTest {

    @ParameterizedTest
    @ValueSource(
            strings = {"\n", "\u001b", "\u007f", "\u0085", "\u2028", "\u2029", "\u202e", "\u200f", "\ufeff", "\ud800"})
    void charactersThatChangeHowALineIsShownAreReplaced(String character) {
        assertThat(OutsideText.shown("a" + character + "b")).isEqualTo("a?b");
        assertThat(OutsideText.isPrintable("a" + character + "b")).isFalse();
    }

    @Test
    void otherTextIsShownAsItIs() {
        assertThat(OutsideText.shown("Müller 日本 \ud83d\ude00")).isEqualTo("Müller 日本 \ud83d\ude00");
        assertThat(OutsideText.isPrintable("")).isTrue();
    }

    @Test
    void aLongTextIsCutBetweenCharacters() {
        assertThat(OutsideText.shown("\ud83d\ude00".repeat(100)))
                .isEqualTo("\ud83d\ude00".repeat(80) + ".. (200 characters)");
        assertThat(OutsideText.shown("x".repeat(80))).isEqualTo("x".repeat(80));
    }
}
