package dev.ariadne.view;

import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.stream.Stream;

/** Files that appear when they are whole: whoever reads sees the old one or the new one. */
public final class WholeFile {
    private WholeFile() {}

    /** Writes a new file. */
    @FunctionalInterface
    public interface Writing {
        /** Writes to a file that does not exist yet. */
        void to(Path temporary) throws IOException;
    }

    /**
     * Writes beside the file under another name, and moves that there when it is whole; it is deleted when it is not.
     *
     * @param file in a folder that exists
     * @param writing writes the content
     */
    public static void write(Path file, Writing writing) throws IOException {
        Path absolute = file.toAbsolutePath();
        String mark = ProcessHandle.current().pid() + "-" + System.nanoTime();
        Path temporary = absolute.resolveSibling("." + absolute.getFileName() + "." + mark + ".part");
        try {
            writing.to(temporary);
            try {
                Files.move(temporary, absolute, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            } catch (AtomicMoveNotSupportedException e) {
                Files.move(temporary, absolute, StandardCopyOption.REPLACE_EXISTING);
            }
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    /** Deletes a folder and all that is in it. */
    public static void deleteFolder(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
