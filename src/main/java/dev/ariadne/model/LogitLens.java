package dev.ariadne.model;

import dev.ariadne.model.Logits.Prediction;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.LongColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * What the model would predict if it ended earlier: the residual stream before each layer, read by the model's own final norm and
 * unembedding (nostalgebraist 2020). The last row is the model's prediction.
 *
 * <p>Each stream is normalized by its own statistics, as the model does with its last. TransformerLens's {@code accumulated_resid(apply_ln)}
 * divides all by the last one's scale instead: {@code cache.accumulatedResid(o -> o.applyLn())}.
 */
public final class LogitLens implements Displayable {
    private static final int MOST_PROMPTS = 4; // in one picture

    /**
     * One stream at one position.
     *
     * @param stream "0_pre" … "final_post"
     * @param prompt the row of the batch
     * @param position from 0
     * @param top the most probable next token
     * @param target the token asked for; else what the model itself ranks first there, at its end
     */
    public record Reading(String stream, int prompt, int position, Prediction top, Prediction target) {}

    private final List<String> streams;
    private final PromptSpan span;
    private final Optional<String> asked;
    private final List<Reading> readings; // by stream, prompt, position

    private LogitLens(List<String> streams, PromptSpan span, Optional<String> asked, List<Reading> readings) {
        this.streams = streams;
        this.span = span;
        this.asked = asked;
        this.readings = List.copyOf(readings);
    }

    /**
     * Reads a stack of streams, the budget's worth of logits at a time.
     *
     * @param targets token ids [batch][pos]
     */
    static LogitLens of(HookedTransformer model, ResidStack stack, long[][] targets, Optional<String> asked) {
        PromptSpan span = stack.span();
        int perStream = span.batch() * span.count();
        int rows = stack.labels().size() * perStream;
        long[] each = new long[rows];
        for (int row = 0; row < rows; row++) {
            int place = row % perStream;
            each[row] = targets[place / span.count()][place % span.count()];
        }
        Ratings ratings = model.runner().rate(stack.array(), each);
        List<Reading> readings = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            int place = row % perStream;
            Prediction top = new Prediction(
                    1,
                    ratings.top()[row],
                    model.reader().piece(ratings.top()[row]),
                    ratings.topLogit()[row],
                    ratings.topProbability(row));
            Prediction target = new Prediction(
                    (int) ratings.rank()[row],
                    each[row],
                    model.reader().piece(each[row]),
                    ratings.logit()[row],
                    ratings.probability(row));
            readings.add(new Reading(
                    stack.labels().get(row / perStream),
                    place / span.count(),
                    span.from() + place % span.count(),
                    top,
                    target));
        }
        return new LogitLens(stack.labels(), span, asked, readings);
    }

    /** The names of the streams, from the first layer's input to the last one's output. */
    public List<String> streams() {
        return streams;
    }

    /** Everything read: by stream, prompt and position. */
    public List<Reading> readings() {
        return readings;
    }

    /**
     * One reading.
     *
     * @param stream the index of the stream; negative counts from the last
     * @param prompt the row of the batch
     * @param position counts from the first position of the lens; negative counts from the last
     */
    public Reading at(int stream, int prompt, int position) {
        int s = stream < 0 ? stream + streams.size() : stream;
        int p = position < 0 ? position + span.count() : position;
        if (s < 0 || s >= streams.size() || prompt < 0 || prompt >= span.batch() || p < 0 || p >= span.count()) {
            throw new IllegalArgumentException("the lens has " + streams.size() + " streams, " + span.batch()
                    + " prompts and " + span.count() + " positions, from 0; got (" + stream + ", " + prompt + ", "
                    + position + ")");
        }
        return readings.get((s * span.batch() + prompt) * span.count() + p);
    }

    /** A row per reading: stream, prompt, position, token, top token and its probability, target and its rank and probability. */
    public Table table() {
        return Table.create(
                "logit lens",
                StringColumn.create("stream", readings.stream().map(Reading::stream)),
                IntColumn.create("prompt", readings.stream().mapToInt(Reading::prompt)),
                IntColumn.create("position", readings.stream().mapToInt(Reading::position)),
                StringColumn.create(
                        "token",
                        readings.stream().map(r -> span.labels(r.prompt()).get(r.position() - span.from()))),
                StringColumn.create("top", readings.stream().map(r -> r.top().token())),
                DoubleColumn.create(
                        "top probability",
                        readings.stream().mapToDouble(r -> r.top().probability())),
                StringColumn.create(
                        "target", readings.stream().map(r -> r.target().token())),
                LongColumn.create(
                        "rank", readings.stream().mapToLong(r -> r.target().rank())),
                DoubleColumn.create(
                        "probability",
                        readings.stream().mapToDouble(r -> r.target().probability())));
    }

    /** The most probable token of each stream at each position, of one prompt: its probability, with the token in the cell. */
    public View.HeatMap tops(int prompt) {
        return map(
                "logit lens: the most probable token",
                prompt,
                "its probability",
                r -> r.top().probability(),
                r -> r.top().token());
    }

    /** The rank of the target, of one prompt: log10, so 0 is the first, with the rank itself in the cell. */
    public View.HeatMap ranks(int prompt) {
        return map(
                "logit lens: rank of " + target(),
                prompt,
                "log10 of rank",
                r -> Math.log10(r.target().rank()),
                r -> Integer.toString(r.target().rank()));
    }

    /** The probability of the target, of one prompt, with the most probable token in the cell. */
    public View.HeatMap targetProbabilities(int prompt) {
        return map(
                "logit lens: probability of " + target() + "; in the cells, the most probable token",
                prompt,
                "probability",
                r -> r.target().probability(),
                r -> r.top().token());
    }

    private String target() {
        return asked.map(token -> "“" + token + "”").orElse("the model's own prediction");
    }

    private View.HeatMap map(
            String title, int prompt, String unit, ToDoubleFunction<Reading> value, Function<Reading, String> text) {
        float[][] cells = new float[streams.size()][span.count()];
        List<List<String>> texts = new ArrayList<>();
        for (int stream = 0; stream < cells.length; stream++) {
            List<String> row = new ArrayList<>();
            for (int pos = 0; pos < cells[stream].length; pos++) {
                cells[stream][pos] = (float) value.applyAsDouble(at(stream, prompt, pos));
                row.add(text.apply(at(stream, prompt, pos)));
            }
            texts.add(row);
        }
        return new View.HeatMap(
                title + (span.batch() > 1 ? ", prompt " + prompt : ""),
                "stream",
                streams,
                "position",
                span.labels(prompt),
                cells,
                unit,
                View.Scale.SEQUENTIAL,
                texts);
    }

    /** The most probable tokens; with a token asked for, its probability and its rank. */
    @Override
    public View view() {
        List<View> panels = new ArrayList<>();
        for (int prompt = 0; prompt < Math.min(MOST_PROMPTS, span.batch()); prompt++) {
            panels.addAll(
                    asked.isPresent() ? List.of(targetProbabilities(prompt), ranks(prompt)) : List.of(tops(prompt)));
        }
        return panels.size() == 1 ? panels.get(0) : new View.Panels("logit lens", panels);
    }

    @Override
    public String toString() {
        return "LogitLens of " + streams.size() + " streams at " + span.count() + " positions of " + span.batch()
                + " prompts";
    }
}
