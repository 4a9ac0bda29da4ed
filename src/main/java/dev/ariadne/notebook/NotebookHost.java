package dev.ariadne.notebook;

import dev.ariadne.view.DisplayHost;
import dev.ariadne.view.Displayable;
import java.io.Console;
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
        return isTerminal() ? Optional.of(new ConsoleProgress(System.err)) : Optional.empty();
    }

    @SuppressWarnings("SystemConsoleNull") // null until JDK 21; from 22 on the console itself says it
    private static boolean isTerminal() {
        Console console = System.console();
        if (console == null) {
            return false;
        }
        try {
            return Boolean.TRUE.equals(Console.class.getMethod("isTerminal").invoke(console));
        } catch (ReflectiveOperationException e) {
            return true; // before 22 there is no such method, and a console that is there is a terminal
        }
    }
}
