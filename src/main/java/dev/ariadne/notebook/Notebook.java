package dev.ariadne.notebook;

import dev.ariadne.display.Display;
import dev.ariadne.view.Displayable;
import java.util.Optional;

/**
 * What a notebook cell may call; nothing here has to be called for results to be shown.
 *
 * <pre>{@code
 * Notebook.show(cache.get("blocks.0.attn.hook_pattern")); // a cell shows only its last expression by itself
 * model.next(prompt)
 * }</pre>
 */
public final class Notebook {
    private Notebook() {}

    /**
     * Registers the renderers with the kernel, also those of Tablesaw tables and XChart charts. It is needed only in
     * IJava, and there only before the first table or chart when nothing of this library has been shown.
     *
     * @return the kernel: "jjava", "ijava", or "none" on a plain JVM
     */
    public static String init() {
        return Kernels.current().map(Kernel::name).orElse("none");
    }

    /**
     * Shows an object now: as a picture in a notebook, as text elsewhere.
     *
     * @param value anything; pictures for what is displayable, Tablesaw tables and XChart charts
     */
    public static void show(Object value) {
        Optional<Kernel> kernel = Kernels.current();
        if (kernel.isPresent()) {
            kernel.get().show(value);
        } else {
            System.out.println(value instanceof Displayable displayable ? Display.text(displayable) : value);
        }
    }
}
