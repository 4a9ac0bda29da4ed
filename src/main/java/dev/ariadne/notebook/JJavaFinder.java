package dev.ariadne.notebook;

import java.util.function.Supplier;
import org.dflib.jjava.jupyter.kernel.BaseKernel;
import org.jspecify.annotations.Nullable;

/** Finds JJava where it did not load our extension, as when {@code JJAVA_LOAD_EXTENSIONS} is off. */
final class JJavaFinder implements Supplier<@Nullable Kernel> {
    @Override
    public @Nullable Kernel get() {
        BaseKernel kernel = BaseKernel.notebookKernel();
        return kernel == null ? null : new JJavaKernel(kernel);
    }
}
