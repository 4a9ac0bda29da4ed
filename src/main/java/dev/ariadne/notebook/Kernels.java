package dev.ariadne.notebook;

import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Knows the kernel that runs this JVM, if one does. */
final class Kernels {
    private static final List<String> FINDERS =
            List.of("dev.ariadne.notebook.JJavaFinder", "dev.ariadne.notebook.IJavaFinder");

    private static @Nullable Kernel current;

    private Kernels() {}

    /** Finds the kernel and registers the renderers with it, once. */
    static synchronized Optional<Kernel> current() {
        if (current == null) {
            for (String finder : FINDERS) {
                find(finder).ifPresent(Kernels::use);
                if (current != null) {
                    break;
                }
            }
        }
        return Optional.ofNullable(current);
    }

    /** Takes a kernel and registers the renderers with it. */
    static synchronized void use(Kernel kernel) {
        try {
            kernel.install();
            current = kernel;
        } catch (LinkageError | RuntimeException e) {
            current = null; // a kernel that has changed: text it is
        }
    }

    /** Forgets the kernel; for tests, which have several in one JVM. */
    static synchronized void reset() {
        current = null;
    }

    /**
     * Loads a finder by name: a direct reference would make the verifier load the kernel's classes, which a plain JVM
     * does not have.
     */
    private static Optional<Kernel> find(String finder) {
        try {
            Object found = Class.forName(finder, true, Kernels.class.getClassLoader())
                    .getDeclaredConstructor()
                    .newInstance();
            if (found instanceof Supplier<?> supplier && supplier.get() instanceof Kernel kernel) {
                return Optional.of(kernel);
            }
            return Optional.empty();
        } catch (ReflectiveOperationException | LinkageError | RuntimeException e) {
            // This kernel's classes are not here, or are here but do not run: JJava's look-up throws then.
            return Optional.empty();
        }
    }
}
