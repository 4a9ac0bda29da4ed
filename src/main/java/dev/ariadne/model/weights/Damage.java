package dev.ariadne.model.weights;

import java.io.IOException;
import java.nio.file.Path;

/** Says what is wrong with a file: path, value, rule and next step, all in one exception. */
final class Damage {
    private static final String ADVICE =
            "The file is damaged, incomplete or not what its name says: download or convert it again";
    private static final int LONGEST_QUOTE = 80;

    private final Path path;

    Damage(Path path) {
        this.path = path;
    }

    /** For what no sound file contains: the detail names the value and the rule. */
    IOException of(String detail) {
        return new IOException(path + ": " + detail + ". " + ADVICE);
    }

    /** For what is well formed but not supported; {@code next} says what to do instead. */
    IOException unsupported(String detail, String next) {
        return new IOException(path + ": " + detail + ". " + next);
    }

    /** A name from the file, safe to print: short, in quotes, control characters replaced. */
    static String quote(String text) {
        String head = text.length() <= LONGEST_QUOTE ? text : text.substring(0, LONGEST_QUOTE) + "…";
        StringBuilder safe = new StringBuilder("'");
        head.chars().forEach(c -> safe.append(Character.isISOControl(c) ? '?' : (char) c));
        return safe.append('\'').toString();
    }
}
