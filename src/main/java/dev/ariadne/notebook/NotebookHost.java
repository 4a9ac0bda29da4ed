package dev.ariadne.notebook;

import dev.ariadne.view.DisplayHost;
import dev.ariadne.view.Displayable;
import java.util.Optional;

/** Shows things in the kernel that runs, or on the console; public because {@code view} finds it as a service. */
public final class NotebookHost implements DisplayHost {
    /** Called by the service loader. */
    public NotebookHost() {}

    @Override
    public void install() {
        Kernels.current();
    }

    @Override
    public void show(Displayable displayable) {
        Notebook.show(displayable);
    }

    @Override
    @SuppressWarnings(
            "SystemConsoleNull") // from JDK 22 on a console also where there is none: a line too many, no harm
    public Optional<Live> open() {
        Optional<Kernel> kernel = Kernels.current();
        if (kernel.isPresent()) {
            return Optional.of(new KernelProgress(kernel.get()));
        }
        // A line that overwrites itself is for a person; in a log it would be hundreds of lines.
        return System.console() == null ? Optional.empty() : Optional.of(new ConsoleProgress(System.err));
    }
}
