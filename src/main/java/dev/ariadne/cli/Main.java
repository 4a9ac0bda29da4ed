package dev.ariadne.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command {@code ariadne}. */
@Command(
        name = "ariadne",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        description = "Follow the thread through a transformer.",
        subcommands = {ConformanceCommand.class, TrainCommand.class, TrainTutorialCommand.class, InterventionsCommand.class})
public final class Main {
    /** Created by {@link #main}. */
    Main() {}

    /** Runs a command and exits with its status. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Main()).execute(arguments));
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
