package dev.ariadne.model;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.ariadne.model.weights.Checkpoint;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Text to token ids and back, with every token visible.
 *
 * <pre>{@code
 * tokenizer.toTokens("Dallas is in Texas");     // ids, with BOS first if prependsBos()
 * tokenizer.toStrings("Dallas is in Texas");    // [D, allas,  is,  in,  Texas]
 * tokenizer.toSingleToken(" Austin");           // one id, or an error that shows how the text splits
 * }</pre>
 *
 * <p>No special token is ever added but BOS, and that only where {@link #prependsBos} says so; text is never cut short.
 * The text of a special token inside a prompt is that token, as in transformers.
 */
public final class Tokenizer implements AutoCloseable {
    private static final int GGUF_MAGIC_BYTES = 4;
    private static final int UTF8_BYTES = 4; // of one character, at most
    private static final String NO_CHARACTER = "\uFFFD"; // what bytes become that form none

    private final TokenizerEngine engine;
    private final TokenPieces pieces;
    private final Specials specials;
    private final boolean prependsBos;

    /** The ids of the two special tokens that have a meaning here; -1 where the model has none. */
    private record Specials(long bos, long eos) {
        static OptionalLong visible(long id) {
            return id < 0 ? OptionalLong.empty() : OptionalLong.of(id);
        }
    }

    private Tokenizer(TokenizerEngine engine, TokenPieces pieces, Specials specials, boolean prependsBos) {
        this.engine = engine;
        this.pieces = pieces;
        this.specials = specials;
        this.prependsBos = prependsBos;
    }

    /**
     * Reads {@code tokenizer.json}, given itself or by its folder; {@code tokenizer_config.json} and {@code config.json}
     * beside it say which token is BOS and whether it is put first. A GGUF file brings its own tokenizer.
     *
     * @throws IOException if there is no such file
     * @throws IllegalArgumentException if it is not a tokenizer
     */
    public static Tokenizer of(Path tokenizerJsonOrFolder) throws IOException {
        Path file = Files.isDirectory(tokenizerJsonOrFolder)
                ? tokenizerJsonOrFolder.resolve("tokenizer.json")
                : tokenizerJsonOrFolder;
        if (!Files.isRegularFile(file)) {
            throw new IOException(
                    file + ": there is no such file; a folder needs a tokenizer.json (transformers writes one"
                            + " with AutoTokenizer.from_pretrained(name).save_pretrained(folder))");
        }
        if (isGguf(file)) {
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                return ofGguf(checkpoint.metadata());
            }
        }
        String json = TokenizerFiles.read(file, TokenizerFiles.LARGEST_TOKENIZER);
        return of(json, TokenizerFiles.beside(file, json));
    }

    private static boolean isGguf(Path file) throws IOException {
        try (var in = Files.newInputStream(file)) {
            return Arrays.equals(in.readNBytes(GGUF_MAGIC_BYTES), "GGUF".getBytes(StandardCharsets.US_ASCII));
        }
    }

    /** Takes the text of a {@code tokenizer.json}; BOS is what its template puts first, if it puts anything. */
    public static Tokenizer ofJson(String json) {
        return of(json, TokenizerFiles.alone(json));
    }

    private static Tokenizer of(String json, TokenizerFiles files) {
        TokenPieces pieces = files.pieces();
        Specials specials = new Specials(files.bosId().orElse(-1), files.eosId().orElse(-1));
        return new Tokenizer(
                engine(json.getBytes(StandardCharsets.UTF_8)),
                pieces,
                specials,
                files.prependsBos() && specials.bos() >= 0);
    }

    /**
     * Takes the vocabulary in a GGUF file's {@linkplain Checkpoint#metadata() metadata}.
     *
     * @throws IllegalArgumentException if there is none, or it is of a kind whose way of cutting text is not known
     */
    public static Tokenizer ofGguf(Map<String, Object> metadata) {
        TokenizerJson vocabulary = new TokenizerJson(metadata);
        TokenPieces.Kind kind = vocabulary.isByteLevel() ? TokenPieces.Kind.BYTE_LEVEL : TokenPieces.Kind.BLANK_MARKED;
        List<String> raw = vocabulary.pieces();
        Specials specials = new Specials(
                idOf(metadata, "tokenizer.ggml.bos_token_id", raw.size()),
                idOf(metadata, "tokenizer.ggml.eos_token_id", raw.size()));
        TokenPieces pieces = new TokenPieces(List.copyOf(raw), vocabulary.added(), kind);
        boolean bos = vocabulary.addsBos() && specials.bos() >= 0;
        return new Tokenizer(engine(vocabulary.write()), pieces, specials, bos);
    }

    private static long idOf(Map<String, Object> metadata, String key, int size) {
        Object value = metadata.get(key);
        if (value == null) {
            return -1;
        }
        if (!(value instanceof Long id) || id < 0 || id >= size) {
            throw new IllegalArgumentException(key + " is " + TokenizerJson.shown(value)
                    + ", but ids are between 0 and " + (size - 1) + "; download or convert the GGUF file again");
        }
        return id;
    }

    private static TokenizerEngine engine(byte[] json) {
        // the engine cuts at 512 tokens unless told not to
        Map<String, String> options = Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");
        try {
            return new TokenizerEngine(HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), options));
        } catch (IOException | RuntimeException e) {
            throw new IllegalArgumentException(
                    "this is not a tokenizer the tokenizers library can read: " + e.getMessage()
                            + "; download the tokenizer.json again",
                    e);
        }
    }

    /** Whether {@link #toTokens(String)} puts the BOS token first. */
    public boolean prependsBos() {
        return prependsBos;
    }

    /** The id of the token that begins a text, if the model has one. */
    public OptionalLong bosId() {
        return Specials.visible(specials.bos());
    }

    /** The id of the token that ends a text, if the model has one. */
    public OptionalLong eosId() {
        return Specials.visible(specials.eos());
    }

    /** The same tokenizer with another habit about BOS; the two share their native part, so closing one closes both. */
    public Tokenizer withBos(boolean prepend) {
        requireBos(prepend);
        return new Tokenizer(engine, pieces, specials, prepend);
    }

    private void requireBos(boolean prepend) {
        if (prepend && specials.bos() < 0) {
            throw new IllegalArgumentException(
                    "this tokenizer has no BOS token to put first; call with false, or put the"
                            + " text of a special token into the prompt");
        }
    }

    /**
     * Cuts a text into tokens, BOS first if {@link #prependsBos}.
     *
     * @return ids [pos]; empty for an empty text without BOS
     */
    public long[] toTokens(String text) {
        return toTokens(text, prependsBos);
    }

    /** Cuts a text into tokens, with or without BOS whatever the model's habit is. */
    public long[] toTokens(String text, boolean prependBos) {
        requireBos(prependBos);
        long[] ids = engine.encode(text);
        return prependBos
                ? LongStream.concat(LongStream.of(specials.bos()), LongStream.of(ids))
                        .toArray()
                : ids;
    }

    /** One readable piece per token of {@link #toTokens(String)}, BOS included where it is put first. */
    public List<String> toStrings(String text) {
        return toStrings(toTokens(text));
    }

    /**
     * One readable piece per id: blanks as they are ({@code " Dallas"}), bytes that are no whole character as
     * {@code <0xE5>}, special tokens by name, control and invisible characters escaped ({@code \n}).
     */
    public List<String> toStrings(long... ids) {
        return Arrays.stream(ids).mapToObj(pieces::visible).toList();
    }

    /** The readable piece of one id. */
    public String toSingleString(long id) {
        return pieces.visible(id);
    }

    /** The text these ids spell, special tokens by name; bytes that form no character become U+FFFD. */
    public String toText(long... ids) {
        Arrays.stream(ids).forEach(pieces::visible); // refuses ids out of range
        return ids.length == 0 ? "" : engine.decode(ids);
    }

    /** The text these ids spell up to the last whole character: the bytes of one that is not finished yet are left out. */
    String toWholeText(long... ids) {
        String all = toText(ids);
        if (!all.endsWith(NO_CHARACTER)) {
            return all;
        }
        String shorter = all.substring(0, all.length() - NO_CHARACTER.length());
        // Where single bytes are tokens, a missing one spoils the whole run of them: leave tokens out instead.
        for (int less = 1; shorter.endsWith(NO_CHARACTER) && less < Math.min(ids.length, UTF8_BYTES); less++) {
            shorter = toText(Arrays.copyOf(ids, ids.length - less));
        }
        return shorter.endsWith(NO_CHARACTER) ? all : shorter;
    }

    /**
     * The id of a text that is exactly one token; no BOS is added.
     *
     * @throws IllegalArgumentException if it is none or several, showing how it splits
     */
    public long toSingleToken(String text) {
        long[] ids = toTokens(text, false);
        if (ids.length == 1) {
            return ids[0];
        }
        String split = IntStream.range(0, ids.length)
                .mapToObj(i -> "'" + pieces.visible(ids[i]) + "' (" + ids[i] + ")")
                .collect(Collectors.joining(" + "));
        String found = ids.length == 0 ? "no token" : ids.length + " tokens: " + split;
        String spaced = " " + text.strip();
        boolean blankHelps = !spaced.equals(text) && !text.isBlank() && toTokens(spaced, false).length == 1;
        String next = blankHelps
                ? "; with a leading blank, '" + spaced + "', it is one"
                : ids.length == 0 ? "; give a word" : "; choose another word, or use toTokens(text) and its first id";
        throw new IllegalArgumentException("'" + text + "' must be exactly one token, but it is " + found + next);
    }

    /** The number of token ids; a model's unembedding may have more rows, for padding. */
    public int size() {
        return pieces.size();
    }

    /**
     * Frees the native part now, also for the copies made by {@link #withBos} and the models that use it. It need not be
     * called: the native part is freed when the last of them is gone. Closing twice is harmless.
     */
    @Override
    public void close() {
        engine.close();
    }

    @Override
    public String toString() {
        return "Tokenizer[" + size() + " tokens, "
                + (prependsBos ? "BOS '" + pieces.visible(specials.bos()) + "' first" : "no BOS") + "]";
    }
}
