package dev.ariadne.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command {@code ariadne}. */
@Command(
        name = "ariadne",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        description = "Follow the thread through a transformer.",
        footer = {"", "A command says what it takes with --help: ariadne next --help"},
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:done", "1:something failed; the message says what", "2:the command line is wrong"},
        subcommands = {
            NextCommand.class,
            AcdcCommand.class,
            AttributeCommand.class,
            ViewCommand.class,
            PruneCommand.class,
            ConvertCommand.class,
            ConformanceCommand.class,
            TrainCommand.class,
            TrainTutorialCommand.class,
            InterventionsCommand.class
        })
public final class Main {
    /** Created by {@link #main}. */
    Main() {}

    /** Runs a command and exits with its status. */
    public static void main(String[] arguments) {
        System.exit(commandLine().execute(arguments));
    }

    /** The command line; what a user can mend is said in one line, without a stack trace. */
    static CommandLine commandLine() {
        return new CommandLine(new Main())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((exception, command, parsed) -> {
                    if (exception instanceof IllegalArgumentException
                            || exception instanceof IOException
                            || exception instanceof UncheckedIOException) {
                        command.getErr().println("ariadne: " + exception.getMessage());
                        return 1;
                    }
                    throw exception;
                });
    }

    /** Reads the version from the jar's manifest; classes outside a jar have none. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"ariadne " + (version == null ? "(not from a jar)" : version)};
        }
    }
}
