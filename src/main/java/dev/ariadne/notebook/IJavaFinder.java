package dev.ariadne.notebook;

import io.github.spencerpark.jupyter.kernel.BaseKernel;
import java.lang.reflect.InvocationTargetException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Finds IJava, which has no extensions: its kernel is asked for by reflection, as IJava itself is not published. */
final class IJavaFinder implements Supplier<@Nullable Kernel> {
    private static final String IJAVA = "io.github.spencerpark.ijava.IJava";

    @Override
    public @Nullable Kernel get() {
        try {
            Object kernel = Class.forName(IJAVA, true, IJavaFinder.class.getClassLoader())
                    .getMethod("getKernelInstance")
                    .invoke(null);
            return kernel instanceof BaseKernel base ? new IJavaKernel(base) : null;
        } catch (ClassNotFoundException
                | NoSuchMethodException
                | IllegalAccessException
                | InvocationTargetException e) {
            return null; // only the base kernel is here, as in our own tests
        }
    }
}
