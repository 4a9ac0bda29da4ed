package dev.ariadne.notebook;

import io.github.spencerpark.jupyter.kernel.BaseKernel;
import io.github.spencerpark.jupyter.kernel.display.DisplayData;
import io.github.spencerpark.jupyter.kernel.display.Renderer;
import io.github.spencerpark.jupyter.kernel.display.mime.MIMEType;
import java.util.Map;

/** IJava, through the calls that its published base kernel has. */
final class IJavaKernel implements Kernel {
    private final BaseKernel kernel;

    IJavaKernel(BaseKernel kernel) {
        this.kernel = kernel;
    }

    @Override
    public String name() {
        return "ijava";
    }

    @Override
    public void install() {
        install(kernel.getRenderer());
    }

    /** Registers every rendering with a renderer, which need not have a kernel. */
    static void install(Renderer renderer) {
        Rendering.all().forEach(rendering -> register(renderer, rendering));
    }

    private static <T> void register(Renderer renderer, Rendering<T> rendering) {
        renderer.createRegistration(rendering.type())
                .register((value, context) -> rendering
                        .bundle()
                        .apply(value)
                        .forEach((mime, form) -> context.renderIfRequested(MIMEType.parse(mime), () -> form)));
    }

    @Override
    public void show(Object value) {
        kernel.display(kernel.getRenderer().render(value));
    }

    @Override
    public void open(String id, Map<String, String> bundle) {
        DisplayData data = data(bundle);
        data.putTransientData("display_id", id);
        kernel.display(data);
    }

    @Override
    public void update(String id, Map<String, String> bundle) {
        DisplayData data = data(bundle);
        data.putTransientData("display_id", id);
        kernel.getIO().display.updateDisplay(id, data);
    }

    private static DisplayData data(Map<String, String> bundle) {
        DisplayData data = new DisplayData();
        bundle.forEach((mime, content) -> data.putData(mime, content));
        return data;
    }
}
