package dev.ariadne.task;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Shows a task: prompts, answers, and what the model says. */
final class TaskTable {
    private static final int ROWS = 8;
    private static final int LONGEST = 120; // characters of a prompt
    private static final int MOST_TOKENS = 3; // of a set that are written out

    private final Task task;
    private final HookedTransformer model;
    private final Performance performance;

    TaskTable(Task task) {
        this.task = task;
        this.model = task.model();
        this.performance = Performance.of(task);
    }

    View view() {
        boolean asked = task.hasAnswers();
        List<String> columns = asked
                ? List.of("prompt", "corrupted", "answer", "wrong", "model says", "right")
                : List.of("prompt", "corrupted");
        long[][] clean = task.clean();
        long[][] corrupted = task.corrupted();
        List<List<String>> rows = new ArrayList<>();
        for (int i = 0; i < Math.min(ROWS, clean.length); i++) {
            int[] where = asked(i);
            long[] says = performance.says()[i];
            List<String> row = new ArrayList<>(List.of(prompt(clean[i]), prompt(corrupted[i])));
            if (asked) {
                row.add(answers(i, where, true));
                row.add(answers(i, where, false));
                row.add(text(Arrays.stream(where).mapToLong(pos -> says[pos]).toArray()));
                row.add(right(i, where));
            }
            rows.add(row);
        }
        if (clean.length > ROWS) {
            List<String> more = new ArrayList<>(Collections.nCopies(columns.size(), ""));
            more.set(0, "… and " + (clean.length - ROWS) + " more");
            rows.add(more);
        }
        View.Table table = new View.Table(title(), columns, rows);
        String note = note();
        return note.isEmpty() ? table : new View.Panels("", List.of(new View.Text("", note), table));
    }

    private String title() {
        String done = task.hasAnswers()
                ? String.format(Locale.ROOT, "; %s is right on %.1f %%", model.name(), 100 * performance.accuracy())
                : "";
        return task.name() + ": " + task.clean().length + " prompts of " + task.clean()[0].length
                + " tokens, measured by " + task.metric().name() + done;
    }

    Optional<View> warning() {
        return Optional.of(note()).filter(note -> !note.isEmpty()).map(note -> new View.Text(task.name(), note));
    }

    private String note() {
        if (!task.hasAnswers()) {
            return "no answers are kept with this task, so that there is no accuracy; give them with"
                    + " task.answering(correct, wrong)";
        }
        return performance.accuracy() >= Task.LEAST_ACCURACY
                ? ""
                : String.format(
                        Locale.ROOT,
                        "⚠ right on %.1f %% only, less than %.0f %%: the model does not do this; there is no circuit to"
                                + " find",
                        100 * performance.accuracy(),
                        100 * Task.LEAST_ACCURACY);
    }

    /** The positions at which a prompt is asked; all where no answers are known. */
    private int[] asked(int prompt) {
        return IntStream.range(0, task.positions().length)
                .filter(pos -> !task.hasAnswers() || task.correct(prompt, pos).length > 0)
                .toArray();
    }

    private String answers(int prompt, int[] where, boolean correct) {
        if (where.length == 1) {
            return set(correct ? task.correct(prompt, where[0]) : task.wrong(prompt, where[0]));
        }
        if (!correct) {
            return "any other";
        }
        return text(Arrays.stream(where)
                .mapToLong(pos -> task.correct(prompt, pos)[0])
                .toArray());
    }

    private String set(long[] tokens) {
        if (tokens.length == 0) {
            return "any other";
        }
        if (tokens.length <= MOST_TOKENS) {
            return Arrays.stream(tokens).mapToObj(id -> text(id).strip()).collect(Collectors.joining(", "));
        }
        return text(tokens[0]).strip() + " … " + text(tokens[tokens.length - 1]).strip() + " (" + tokens.length
                + " tokens)";
    }

    private String right(int prompt, int[] where) {
        long hits = Arrays.stream(where)
                .filter(pos -> performance.right()[prompt][pos])
                .count();
        return where.length == 1 ? (hits == 1 ? "✓" : "✗") : hits + " of " + where.length;
    }

    private String prompt(long[] tokens) {
        String text = text(tokens);
        int part = LONGEST / 2;
        return text.length() > LONGEST ? text.substring(0, part) + " … " + text.substring(text.length() - part) : text;
    }

    private String text(long... ids) {
        return model.hasTokenizer()
                ? model.tokenizer().toText(ids)
                : LongStream.of(ids).mapToObj(Long::toString).collect(Collectors.joining(" "));
    }
}
