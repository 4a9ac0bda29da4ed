package dev.ariadne.task;

import com.univocity.parsers.common.ParsingContext;
import com.univocity.parsers.common.TextParsingException;
import com.univocity.parsers.csv.CsvParser;
import com.univocity.parsers.csv.CsvParserSettings;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Tokenizer;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A task from a table of prompts and answers. */
final class CsvTask {
    private static final List<String> COLUMNS = List.of("clean", "corrupted", "answer", "wrong");

    private final HookedTransformer model;
    private final Path file;
    private final List<long[]> clean = new ArrayList<>();
    private final List<long[]> corrupted = new ArrayList<>();
    private final List<Long> correct = new ArrayList<>();
    private final List<Long> wrong = new ArrayList<>();
    private long firstLine;

    private CsvTask(HookedTransformer model, Path file) {
        this.model = model;
        this.file = file;
    }

    static Task read(HookedTransformer model, Path file) {
        return new CsvTask(model, file).task();
    }

    private Task task() {
        CsvParserSettings settings = new CsvParserSettings();
        settings.setReadInputOnSeparateThread(false); // which may outlive the file
        settings.trimValues(false); // a blank before a word belongs to its token
        settings.getFormat().setComment('\0'); // a prompt may begin with #
        settings.setSkipEmptyLines(false); // else lines are counted wrong
        settings.setLineSeparatorDetectionEnabled(true);
        settings.setMaxCharsPerColumn(-1);
        CsvParser parser = new CsvParser(settings);
        try (Reader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            parser.beginParsing(in);
            ParsingContext context = parser.getContext();
            int[] at = columns(parser.parseNext());
            long line = context.currentLine() + 1; // where the next row begins
            for (String[] row = parser.parseNext(); row != null; row = parser.parseNext()) {
                if (Arrays.stream(row).anyMatch(Objects::nonNull)) {
                    add(row, at, line);
                }
                line = context.currentLine() + 1;
            }
        } catch (TextParsingException e) {
            throw new IllegalArgumentException(
                    file + ", line " + (e.getLineIndex() + 1) + ": not a row of a CSV table; check its quotation marks",
                    e);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read: " + e, e);
        } finally {
            parser.stopParsing();
        }
        if (clean.isEmpty()) {
            throw new IllegalArgumentException(file + " has no prompts below its heading; add one per line");
        }
        return Task.of(
                        model,
                        String.valueOf(file.getFileName()),
                        clean.toArray(long[][]::new),
                        corrupted.toArray(long[][]::new),
                        Metric.kl())
                .answering(
                        correct.stream().mapToLong(Long::longValue).toArray(),
                        wrong.stream().mapToLong(Long::longValue).toArray());
    }

    private int[] columns(String @Nullable [] heading) {
        List<String> found = heading == null
                ? List.of()
                : Arrays.stream(heading)
                        .map(cell ->
                                cell == null ? "" : cell.replace("\uFEFF", "").strip())
                        .toList();
        for (String column : COLUMNS) {
            if (!found.contains(column)) {
                throw new IllegalArgumentException(file + ", line 1: no column '" + column + "' among " + found
                        + "; the first line names the columns: " + String.join(",", COLUMNS));
            }
        }
        return COLUMNS.stream().mapToInt(found::indexOf).toArray();
    }

    private void add(String[] row, int[] at, long line) {
        String[] cells = new String[at.length];
        for (int i = 0; i < at.length; i++) {
            String cell = at[i] < row.length ? row[at[i]] : null;
            if (cell == null || cell.isEmpty()) {
                throw new IllegalArgumentException(where(line) + "no " + COLUMNS.get(i) + " among "
                        + Arrays.toString(row) + "; every row needs " + String.join(", ", COLUMNS));
            }
            cells[i] = cell;
        }
        firstLine = clean.isEmpty() ? line : firstLine;
        clean.add(tokens(cells[0], line));
        corrupted.add(tokens(cells[1], line));
        correct.add(answer(cells[2], line));
        wrong.add(answer(cells[3], line));
        int last = correct.size() - 1;
        AnswerIds.requireApart(
                where(line) + "'" + cells[3] + "'", new long[] {correct.get(last)}, new long[] {wrong.get(last)});
    }

    private long[] tokens(String text, long line) {
        Tokenizer tokenizer = model.tokenizer();
        long[] ids = tokenizer.toTokens(text);
        if (!clean.isEmpty() && ids.length != clean.get(0).length) {
            throw new IllegalArgumentException(where(line) + "'" + text + "' has " + ids.length + " tokens "
                    + tokenizer.toStrings(ids) + ", the first prompt (line " + firstLine + ") has "
                    + clean.get(0).length + " " + tokenizer.toStrings(clean.get(0))
                    + "; all prompts of a task have the same number: choose words that split alike");
        }
        return ids;
    }

    private long answer(String text, long line) {
        try {
            return model.tokenizer().toSingleToken(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(where(line) + e.getMessage(), e);
        }
    }

    private String where(long line) {
        return file + ", line " + line + ": ";
    }
}
