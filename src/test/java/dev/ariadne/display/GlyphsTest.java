package dev.ariadne.display;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.awt.Font;
import java.awt.font.FontRenderContext;
import java.util.List;
import org.junit.jupiter.api.Test;

class GlyphsTest {
    @Test
    void makesTheInvisibleVisible() {
        assertThat(Glyphs.visible("a\n\tb\u0007")).isEqualTo("a↵⇥b\\u0007");
        assertThat(Glyphs.visible("\ud800x\udc00")).isEqualTo("\uFFFDx\uFFFD");
        assertThat(Glyphs.visible("\u202e\u200b\u2028")).isEqualTo("\\u202e\\u200b\\u2028");
        assertThat(Glyphs.visible("👩‍👩‍👧 é 达")).isEqualTo("👩‍👩‍👧 é 达");
        assertThat(Glyphs.visible("  ")).isEqualTo("␣␣");
        assertThat(Glyphs.visible("\u00a0")).isEqualTo("\\u00a0");
        assertThat(Glyphs.visible("\u3000x")).isEqualTo("\u3000x");
        assertThat(Glyphs.visible(" is")).isEqualTo(" is");
        assertThat(Glyphs.visible("")).isEmpty();
    }

    @Test
    void shortensWithoutSplittingACharacter() {
        assertThat(Glyphs.shorten("short", 100, 10)).isEqualTo("short");
        for (int width = 1; width < 120; width++) {
            String text = Glyphs.shorten("👩‍👩‍👧达拉斯 überraschend", width, 10);
            assertThat(text).endsWith("…");
            assertThat(Glyphs.visible(text)).doesNotContain("\uFFFD");
            assertThat(Glyphs.width(text, 10)).isLessThanOrEqualTo(Math.max(width, Glyphs.width("…", 10)));
        }
    }

    @Test
    void estimatesTheWidthOfRealFontsFromAbove() {
        Font font = new Font(Font.SANS_SERIF, Font.PLAIN, 12).deriveFont(11.4f); // as the painter writes 12
        for (String text : List.of("overraschenderweise", "The capital of", "0.1234 -5.67", "达拉斯", "a9.h6->m10")) {
            double real = font.getStringBounds(text, new FontRenderContext(null, true, true))
                    .getWidth();
            assertThat(Glyphs.width(text, 12)).as(text).isBetween(0.95 * real, 1.5 * real);
        }
    }

    @Test
    void wrapsAtSpaces() {
        assertThat(Glyphs.wrap("one two three", Glyphs.width("one two", 10) + 1, 10))
                .containsExactly("one two", "three");
    }

    @Test
    void formatsNumbersBriefly() {
        assertThat(Numbers.format(0.43123)).isEqualTo("0.4312");
        assertThat(Numbers.format(17.3)).isEqualTo("17.300");
        assertThat(Numbers.format(-1e-9)).isEqualTo("-1.00e-09");
        assertThat(Numbers.format(0)).isEqualTo("0.0000");
        assertThat(Numbers.format(Double.NEGATIVE_INFINITY)).isEqualTo("-∞");
        assertThat(Numbers.brief(-0.001, 5)).isEqualTo("0.00");
        assertThat(Numbers.brief(-123.4, 130)).isEqualTo("-123");
        assertThat(Numbers.brief(3e-5, 3e-5)).isEqualTo("3e-05");
    }

    @Test
    void readsOnEveryColorOfBothScales() {
        for (var scale : dev.ariadne.view.View.Scale.values()) {
            Tint tint = new Tint(scale, 1, false, false);
            for (int step = 0; step <= Tint.STEPS; step++) {
                int rgb = tint.color(step);
                assertThat(Tint.contrast(rgb, Tint.inkOn(rgb))).isGreaterThanOrEqualTo(4.5); // WCAG AA
            }
        }
    }

    @Test
    void readsOnTokenShadesInBothThemes() {
        for (int rgb : new int[] {TableScene.BLUE, TableScene.ORANGE}) {
            int onLight = Tint.mix(0xFFFFFF, rgb, TokenShade.STRONGEST);
            int onDark = Tint.mix(0x111111, rgb, TokenShade.STRONGEST); // JupyterLab Dark's page
            assertThat(Tint.contrast(onLight, 0x212121)).isGreaterThanOrEqualTo(4.5);
            assertThat(Tint.contrast(onDark, 0xFFFFFF)).isGreaterThanOrEqualTo(4.5);
        }
        assertThat(Tint.contrast(0x000000, 0xFFFFFF)).isCloseTo(21, within(1e-9)); // by definition
    }

    @Test
    void growsDarkerAwayFromZeroOnBothScales() {
        Tint sequential = new Tint(dev.ariadne.view.View.Scale.SEQUENTIAL, 1, false, false);
        Tint diverging = new Tint(dev.ariadne.view.View.Scale.DIVERGING, 1, false, false);
        assertThat(sequential.color(0)).isEqualTo(0xFFFFFF);
        assertThat(diverging.color(diverging.step(0))).isEqualTo(0xFFFFFF);
        for (float v = 0; v < 0.95f; v += 0.05f) {
            assertThat(dark(sequential, v + 0.05f)).isGreaterThan(dark(sequential, v));
            assertThat(dark(diverging, v + 0.05f)).isGreaterThan(dark(diverging, v));
            assertThat(dark(diverging, -v - 0.05f)).isGreaterThan(dark(diverging, -v));
        }
    }

    private static double dark(Tint tint, float value) {
        return Tint.contrast(tint.color(tint.step(value)), 0xFFFFFF);
    }
}
