package dev.ariadne.notebook;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.view.View;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import org.dflib.jjava.jupyter.Extension;
import org.dflib.jjava.jupyter.kernel.BaseKernel;
import org.dflib.jjava.jupyter.kernel.JupyterIO;
import org.dflib.jjava.jupyter.kernel.LanguageInfo;
import org.dflib.jjava.jupyter.kernel.ReplacementOptions;
import org.dflib.jjava.jupyter.kernel.comm.CommManager;
import org.dflib.jjava.jupyter.kernel.display.DisplayData;
import org.dflib.jjava.jupyter.kernel.display.Renderer;
import org.dflib.jjava.jupyter.kernel.display.mime.MIMEType;
import org.dflib.jjava.jupyter.kernel.history.HistoryManager;
import org.dflib.jjava.jupyter.kernel.magic.MagicParser;
import org.dflib.jjava.jupyter.kernel.magic.MagicTranspiler;
import org.dflib.jjava.jupyter.kernel.magic.MagicsRegistry;
import org.dflib.jjava.jupyter.kernel.util.StringStyler;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.Table;

/** The extension against JJava's own renderer. */
class JJavaExtensionTest {
    private final TestKernel base = new TestKernel();

    @AfterEach
    void forgetTheKernel() {
        Kernels.reset();
    }

    @Test
    void isFoundAsAService() {
        assertThat(ServiceLoader.load(Extension.class)).hasAtLeastOneElementOfType(JJavaExtension.class);
    }

    @Test
    void rendersWhatTheKernelIsGiven() {
        new JJavaExtension().install(base);
        assertThat(Notebook.init()).isEqualTo("jjava");
        DisplayData data = base.getRenderer().render(new View.Text("t", "<body>"));
        assertThat(text(data, "text/html")).contains("&lt;body&gt;");
        assertThat(text(data, "text/plain")).isEqualTo("t\n<body>\n");
        assertThat(data.hasDataForType(MIMEType.parse("image/png"))).isTrue();
        DisplayData table = base.getRenderer().render(Table.create("t", IntColumn.create("n", 1)));
        assertThat(text(table, "text/html")).contains("<table");
    }

    @Test
    void showsAndUpdatesWithoutAConnection() {
        new JJavaExtension().install(base);
        new View.Text("t", "body").show();
        Kernel kernel = Kernels.current().orElseThrow();
        kernel.open("id-1", Map.of("text/plain", "a"));
        kernel.update("id-1", Map.of("text/plain", "b"));
        assertThat(base.displayed).hasSize(2);
        assertThat(text(base.displayed.get(0), "text/plain")).isEqualTo("t\nbody\n");
        assertThat(base.displayed.get(1).getDisplayId()).isEqualTo("id-1");
    }

    private static String text(DisplayData data, String type) {
        return String.valueOf(data.getData(MIMEType.parse(type)));
    }

    private static final class TestKernel extends BaseKernel {
        final List<DisplayData> displayed = new ArrayList<>();

        TestKernel() {
            super(
                    "test",
                    "1",
                    new LanguageInfo.Builder("test").build(),
                    List.of(),
                    null,
                    new JupyterIO(StandardCharsets.UTF_8),
                    new CommManager(),
                    new Renderer(),
                    new MagicParser("%", "%%", new MagicTranspiler()),
                    new MagicsRegistry(),
                    false,
                    new StringStyler.Builder().build());
        }

        @Override
        public void display(DisplayData data) {
            displayed.add(data);
        }

        @Override
        public Object evalRaw(String source) {
            throw new UnsupportedOperationException("the test evaluates no code");
        }

        @Override
        public @Nullable DisplayData inspect(String code, int at, boolean extraDetail) {
            return null;
        }

        @Override
        public @Nullable ReplacementOptions complete(String code, int at) {
            return null;
        }

        @Override
        public String isComplete(String code) {
            return IS_COMPLETE_YES;
        }

        @Override
        public @Nullable HistoryManager getHistoryManager() {
            return null;
        }
    }
}
