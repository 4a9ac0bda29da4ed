package dev.ariadne.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command {@code ariadne}. */
@Command(
        name = "ariadne",
        mixinStandardHelpOptions = true,
        version = "ariadne 0.1.0",
        description = "Follow the thread through a transformer.",
        subcommands = ConformanceCommand.class)
public final class Main {
    /** Created by {@link #main}. */
    Main() {}

    /** Runs a command and exits with its status. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Main()).execute(arguments));
    }
}
