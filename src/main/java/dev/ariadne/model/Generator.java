package dev.ariadne.model;

import dev.ariadne.model.Generation.Row;
import dev.ariadne.model.Generation.Stop;
import dev.ariadne.model.Generation.Token;
import dev.ariadne.view.Progress;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Continues a batch of prompts, token by token. */
final class Generator {
    private final HookedTransformer model;
    private final Runner runner;
    private final Sampling sampling;
    private final List<Hook> hooks;
    private final int[] padding;
    private final long eos; // -1 where no token ends a text
    private final List<Text> texts = new ArrayList<>();

    Generator(HookedTransformer model, Runner runner, long[][] prompts, Sampling sampling, List<Hook> hooks) {
        this.model = model;
        this.runner = runner;
        this.sampling = sampling;
        this.hooks = hooks;
        if (!sampling.stop().isEmpty()) {
            model.tokenizer(); // says what is missing, where there is none
        }
        boolean ends = sampling.stopAtEos() && model.hasTokenizer();
        this.eos = ends ? model.tokenizer().eosId().orElse(-1) : -1;
        this.padding = Padding.counts(prompts);
        for (int row = 0; row < prompts.length; row++) {
            texts.add(new Text(Padding.strip(prompts[row]), new Sampler(sampling, row)));
        }
    }

    /**
     * Generates.
     *
     * @param prompts checked, [batch, pos]
     * @return what was generated, also when it was interrupted after the first token
     * @throws CancellationException when it was interrupted before
     */
    Generation generate(long[][] prompts) {
        RunHooks table = runner.hooks(hooks);
        long[][] now = prompts;
        try (Progress progress = Progress.of("generating with " + model.name(), sampling.maxNewTokens());
                KeyValueCache past = runner.newCache()) {
            while (texts.stream().anyMatch(text -> text.stop == null)) {
                take(runner.next(now, padding, table, sampling.useCache() ? past : null));
                now = sampling.useCache() ? last() : longer(now);
                progress.step("", this::soFar);
            }
            progress.complete();
        } catch (CancellationException e) {
            if (texts.get(0).tokens.isEmpty() || !Thread.currentThread().isInterrupted()) {
                throw e;
            }
            texts.forEach(text -> text.stop = text.stop == null ? Stop.INTERRUPTED : text.stop);
        }
        return new Generation(
                model.name(),
                sampling,
                hooks.stream().map(Hook::point).toList(),
                texts.stream().map(Text::row).toList());
    }

    /** Lets every unfinished text choose its next token by the log-probabilities, [batch · dVocab]. */
    private void take(double[] logProbabilities) {
        int width = logProbabilities.length / texts.size();
        for (int row = 0; row < texts.size(); row++) {
            if (texts.get(row).stop == null) {
                texts.get(row).take(Arrays.copyOfRange(logProbabilities, row * width, (row + 1) * width));
            }
        }
    }

    /** The last token of each text [batch, 1]; one that is finished stays in the batch, and nobody reads what becomes of it. */
    private long[][] last() {
        return texts.stream().map(text -> new long[] {text.last()}).toArray(long[][]::new);
    }

    private long[][] longer(long[][] before) {
        long[][] longer = new long[before.length][];
        for (int row = 0; row < before.length; row++) {
            longer[row] = Arrays.copyOf(before[row], before[row].length + 1);
            longer[row][before[row].length] = texts.get(row).last();
        }
        return longer;
    }

    private View soFar() {
        List<View> panels = texts.stream()
                .<View>map(text -> new View.Text("", text.prompt() + text.text()))
                .toList();
        return panels.size() == 1 ? panels.get(0) : new View.Panels("", panels);
    }

    /** One prompt and what has been added. */
    private final class Text {
        private final long[] promptIds;
        private final Sampler sampler;
        private final List<Token> tokens = new ArrayList<>();
        private @Nullable Stop stop;

        Text(long[] promptIds, Sampler sampler) {
            this.promptIds = promptIds;
            this.sampler = sampler;
        }

        long last() {
            return tokens.get(tokens.size() - 1).id();
        }

        void take(double[] logProbabilities) {
            int id = sampler.choose(logProbabilities);
            tokens.add(new Token(id, piece(id), logProbabilities[id]));
            if (id == eos) {
                stop = Stop.EOS;
            } else if (!sampling.stop().isEmpty() && firstStop(added()) >= 0) {
                stop = Stop.STOP_STRING;
            } else if (tokens.size() == sampling.maxNewTokens()) {
                stop = Stop.MAX_NEW_TOKENS;
            } else if (promptIds.length + tokens.size() == model.config().nCtx()) {
                stop = Stop.CONTEXT;
            }
        }

        /** The prompt's text, without the BOS token that the model put first. */
        String prompt() {
            boolean bos = model.hasTokenizer()
                    && model.tokenizer().prependsBos()
                    && promptIds[0] == model.tokenizer().bosId().orElse(-1);
            return spell(bos ? Arrays.copyOfRange(promptIds, 1, promptIds.length) : promptIds);
        }

        /** What the new tokens add to the prompt's text. A token can be spelled otherwise alone than after others. */
        private String added() {
            List<Token> seen = stop == Stop.EOS ? tokens.subList(0, tokens.size() - 1) : tokens;
            String before = spell(promptIds);
            String all = spell(
                    LongStream.concat(Arrays.stream(promptIds), seen.stream().mapToLong(Token::id))
                            .toArray());
            int same = 0;
            while (same < Math.min(before.length(), all.length()) && before.charAt(same) == all.charAt(same)) {
                same++;
            }
            return all.substring(same);
        }

        String text() {
            String added = added();
            int end = firstStop(added);
            return end < 0 ? added : added.substring(0, end);
        }

        Row row() {
            List<Token> prompt = Arrays.stream(promptIds)
                    .mapToObj(id -> new Token(id, piece(id), Double.NaN))
                    .toList();
            return new Row(prompt(), prompt, text(), tokens, Objects.requireNonNull(stop, "stop"));
        }
    }

    /** Where the first of the stop strings begins, or -1. */
    private int firstStop(String text) {
        return sampling.stop().stream()
                .mapToInt(text::indexOf)
                .filter(at -> at >= 0)
                .min()
                .orElse(-1);
    }

    private String piece(long id) {
        return model.hasTokenizer() ? model.tokenizer().toSingleString(id) : "#" + id;
    }

    private String spell(long[] ids) {
        return model.hasTokenizer()
                ? model.tokenizer().toWholeText(ids)
                : Arrays.stream(ids).mapToObj(this::piece).collect(Collectors.joining(" "));
    }
}
