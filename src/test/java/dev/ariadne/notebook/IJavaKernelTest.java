package dev.ariadne.notebook;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.view.View;
import dev.ariadne.view.View.Bar;
import dev.ariadne.view.View.Bars;
import io.github.spencerpark.jupyter.kernel.BaseKernel;
import io.github.spencerpark.jupyter.kernel.LanguageInfo;
import io.github.spencerpark.jupyter.kernel.display.DisplayData;
import io.github.spencerpark.jupyter.kernel.display.mime.MIMEType;
import java.io.ByteArrayInputStream;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.knowm.xchart.XYChartBuilder;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.FloatColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;
import tech.tablesaw.columns.numbers.NumberColumnFormatter;

/** The adapter against the renderer of the base kernel that IJava is built on. */
class IJavaKernelTest {
    private final TestKernel base = new TestKernel();
    private final IJavaKernel kernel = new IJavaKernel(base);

    @BeforeEach
    void install() {
        kernel.install();
    }

    @Test
    void rendersADisplayableInEveryForm() throws Exception {
        DisplayData data = render(new Bars("Next", "token", "p", List.of(new Bar("达拉斯", 0.5))));
        assertThat(text(data, "text/html")).contains("<table", "达拉斯");
        assertThat(text(data, "text/plain")).startsWith("Next\ntoken");
        byte[] png = Base64.getDecoder().decode(text(data, "image/png"));
        assertThat(ImageIO.read(new ByteArrayInputStream(png)).getWidth()).isGreaterThan(100);
    }

    @Test
    void rendersOnlyTheTypeThatIsAskedFor() {
        DisplayData data = base.getRenderer().renderAs(new View.Text("t", "body"), "text/html");
        assertThat(text(data, "text/html")).contains("body");
        assertThat(data.hasDataForType(MIMEType.parse("image/png"))).isFalse();
    }

    @Test
    void rendersATablesawTableAsHtml() {
        Table table = Table.create(
                "capitals", StringColumn.create("city", "<b>Austin</b>", "é"), IntColumn.create("n", 1, 2));
        DisplayData data = render(table);
        assertThat(text(data, "text/html"))
                .contains("capitals", "&lt;b&gt;Austin&lt;/b&gt;")
                .doesNotContain("more rows");
        assertThat(text(data, "text/plain")).contains("<b>Austin</b>  1");
    }

    @Test
    void saysHowManyRowsOfATableItLeavesOut() {
        Table table = Table.create("long", IntColumn.indexColumn("n", 120, 0));
        DisplayData data = render(table);
        assertThat(text(data, "text/html"))
                .contains("… 70 more rows")
                .contains(">49<")
                .doesNotContain(">50<");
        assertThat(text(data, "text/plain")).endsWith("49\n… 70 more rows\n");
    }

    @Test
    void roundsFractionsUnlessTheUserHasSetAFormat() {
        DoubleColumn patched = DoubleColumn.create("recovered", 0.9999999614204865, 1.2345444296491153e-7, -1e-9);
        patched.appendMissing();
        DoubleColumn share = DoubleColumn.create("share", 0.25, 0.5, 0.125, 1);
        share.setPrintFormatter(NumberColumnFormatter.percent(1));
        FloatColumn tiny = FloatColumn.create("tiny", 1.23456e-5f, 0, 0, 0);
        Table table = Table.create("t", patched, share, tiny);
        assertThat(text(render(table), "text/plain").lines().map(String::strip))
                .containsSubsequence(
                        "1.0000   25.0%  1.235e-05", "0.0000   50.0%  0.000e+00", "0.0000   12.5%  0.000e+00");
    }

    @Test
    void rendersAChartAsPicture() throws Exception {
        var chart = new XYChartBuilder().width(300).height(200).title("Loss").build();
        chart.addSeries("train", new double[] {1, 2}, new double[] {2, 1});
        DisplayData data = render(chart);
        byte[] png = Base64.getDecoder().decode(text(data, "image/png"));
        assertThat(ImageIO.read(new ByteArrayInputStream(png)).getWidth()).isEqualTo(300);
        assertThat(text(data, "text/html"))
                .startsWith("<img alt=\"XYChart 'Loss': train\" src=\"data:image/png;base64,");
        assertThat(text(data, "text/plain")).isEqualTo("XYChart 'Loss'");
    }

    @Test
    void leavesOtherObjectsToTheKernel() {
        assertThat(text(render(List.of(1, 2)), "text/plain")).isEqualTo("[1, 2]");
    }

    @Test
    void displaysUnderAnIdentifier() {
        kernel.open("id-1", Map.of("text/html", "<b>x</b>"));
        kernel.show(new View.Text("t", "body"));
        assertThat(base.displayed).hasSize(2);
        assertThat(base.displayed.get(0).getDisplayId()).isEqualTo("id-1");
        assertThat(text(base.displayed.get(0), "text/html")).isEqualTo("<b>x</b>");
        assertThat(text(base.displayed.get(1), "text/plain")).isEqualTo("t\nbody\n");
        kernel.update("id-1", Map.of("text/html", "<b>y</b>")); // nobody is connected: it must not throw
        assertThat(kernel.name()).isEqualTo("ijava");
    }

    private DisplayData render(Object value) {
        return base.getRenderer().render(value);
    }

    private static String text(DisplayData data, String type) {
        return String.valueOf(data.getData(MIMEType.parse(type)));
    }

    private static final class TestKernel extends BaseKernel {
        final List<DisplayData> displayed = new ArrayList<>();

        @Override
        public void display(DisplayData data) {
            displayed.add(data);
        }

        @Override
        public DisplayData eval(String code) {
            throw new UnsupportedOperationException("the test evaluates no code");
        }

        @Override
        public LanguageInfo getLanguageInfo() {
            throw new UnsupportedOperationException("the test speaks no language");
        }
    }
}
