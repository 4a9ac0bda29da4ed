package dev.ariadne.notebook;

import org.dflib.jjava.jupyter.Extension;
import org.dflib.jjava.jupyter.kernel.BaseKernel;

/** What JJava loads when this library comes on the class path of a notebook; public because it is a service. */
public final class JJavaExtension implements Extension {
    /** Called by the kernel. */
    public JJavaExtension() {}

    @Override
    public void install(BaseKernel kernel) {
        Kernels.use(new JJavaKernel(kernel));
    }
}
