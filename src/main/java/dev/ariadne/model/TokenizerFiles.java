package dev.ariadne.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What the files of a Hugging Face model folder say about its tokenizer besides how text is cut. */
final class TokenizerFiles {
    static final long LARGEST_TOKENIZER = 256L << 20; // bytes
    private static final long LARGEST_SETTINGS = 16L << 20;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final JsonNode tokenizer;
    private final JsonNode settings; // tokenizer_config.json
    private final JsonNode model; // config.json
    private final Map<String, Long> ids = new HashMap<>();
    private final BitSet added = new BitSet();
    private long most = -1; // the last id

    private TokenizerFiles(JsonNode tokenizer, JsonNode settings, JsonNode model) {
        this.tokenizer = tokenizer;
        this.settings = settings;
        this.model = model;
    }

    /** The files beside {@code tokenizerJson}; those that are absent say nothing. */
    static TokenizerFiles beside(Path tokenizerJson, String text) throws IOException {
        return new TokenizerFiles(
                parse(text, tokenizerJson.toString()),
                optional(tokenizerJson.resolveSibling("tokenizer_config.json")),
                optional(tokenizerJson.resolveSibling("config.json")));
    }

    static TokenizerFiles alone(String text) {
        return new TokenizerFiles(parse(text, "the tokenizer"), MissingNode.getInstance(), MissingNode.getInstance());
    }

    private static JsonNode parse(String text, String what) {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(
                    what + " is not JSON: " + e.getOriginalMessage() + "; download the file again", e);
        }
    }

    /** The text of a file that has no more than this many bytes. */
    static String read(Path file, long mostBytes) throws IOException {
        long size = Files.size(file);
        if (size > mostBytes) {
            throw new IOException(
                    file + " has " + size + " bytes, but may have " + mostBytes + " at most; download the file again");
        }
        try {
            return Files.readString(file);
        } catch (CharacterCodingException e) {
            throw new IOException(file + " is not text in UTF-8; download the file again", e);
        }
    }

    private static JsonNode optional(Path file) throws IOException {
        try {
            return parse(read(file, LARGEST_SETTINGS), file.toString());
        } catch (NoSuchFileException e) {
            return MissingNode.getInstance();
        }
    }

    /** The pieces by id. Must be called before the questions about ids. */
    TokenPieces pieces() {
        JsonNode vocabulary = tokenizer.path("model").path("vocab");
        if (vocabulary.isArray()) { // Unigram: [[piece, score], …]
            for (int id = 0; id < vocabulary.size(); id++) {
                ids.put(vocabulary.get(id).path(0).asText(), (long) id);
            }
        } else {
            vocabulary
                    .properties()
                    .forEach(e -> ids.put(e.getKey(), id(e.getValue(), "token '" + shown(e.getKey()) + "'")));
        }
        List<Long> addedIds = new ArrayList<>();
        for (JsonNode token : tokenizer.path("added_tokens")) {
            String content = token.path("content").asText();
            long id = id(token.path("id"), "added token '" + shown(content) + "'");
            ids.put(content, id);
            addedIds.add(id);
        }
        LongSummaryStatistics range = Stream.concat(ids.values().stream(), addedIds.stream())
                .mapToLong(Long::longValue)
                .summaryStatistics();
        most = range.getMax();
        if (ids.isEmpty() || range.getMin() < 0 || most > 2L * ids.size() + 1000) { // some vocabularies have holes
            throw new IllegalArgumentException("the tokenizer has " + ids.size() + " tokens, with ids from "
                    + range.getMin() + " to " + most + "; ids count up from 0: download the tokenizer.json again");
        }
        addedIds.forEach(id -> added.set(id.intValue()));
        List<@Nullable String> raw = new ArrayList<>();
        for (long id = 0; id <= most; id++) {
            raw.add(null);
        }
        ids.forEach((piece, id) -> raw.set(id.intValue(), piece));
        return new TokenPieces(raw, added, kind());
    }

    private static long id(JsonNode id, String what) {
        if (!id.isIntegralNumber() || !id.canConvertToLong()) {
            throw new IllegalArgumentException(what + " of the tokenizer has the id '" + shown(id.toString())
                    + "'; ids are whole numbers that count up from 0: download the tokenizer.json again");
        }
        return id.asLong();
    }

    private static String shown(String text) {
        return TokenizerJson.shown(text);
    }

    private TokenPieces.Kind kind() {
        if (mentions(tokenizer.path("decoder"), "ByteLevel")
                || mentions(tokenizer.path("pre_tokenizer"), "ByteLevel")) {
            return TokenPieces.Kind.BYTE_LEVEL;
        }
        boolean marked = tokenizer.path("model").path("byte_fallback").asBoolean(false)
                || mentions(tokenizer.path("decoder"), "Metaspace")
                || mentions(tokenizer.path("pre_tokenizer"), "Metaspace");
        return marked ? TokenPieces.Kind.BLANK_MARKED : TokenPieces.Kind.PLAIN;
    }

    private static boolean mentions(JsonNode step, String type) {
        return step.findValuesAsText("type").contains(type);
    }

    /** Whether transformers would put the BOS token first for this folder. */
    boolean prependsBos() {
        JsonNode said = settings.path("add_bos_token");
        if (said.isBoolean()) {
            return said.asBoolean();
        }
        if (templateStart().isPresent()) {
            return true;
        }
        String tokenizerClass = settings.path("tokenizer_class").asText("");
        return tokenizerClass.startsWith("Llama")
                || tokenizerClass.startsWith("CodeLlama")
                || tokenizerClass.startsWith("Gemma");
    }

    OptionalLong bosId() {
        OptionalLong named = named("bos");
        return named.isPresent() ? named : templateStart();
    }

    OptionalLong eosId() {
        return named("eos");
    }

    private OptionalLong named(String which) {
        JsonNode token = settings.path(which + "_token");
        String content =
                token.isTextual() ? token.asText() : token.path("content").asText("");
        Long id = ids.get(content);
        if (id != null) {
            return OptionalLong.of(id);
        }
        JsonNode number = model.path(which + "_token_id");
        JsonNode first = number.isArray() ? number.path(0) : number; // some models list several ends
        if (first.isMissingNode() || first.isNull()) {
            return OptionalLong.empty();
        }
        if (!first.isIntegralNumber() || !first.canConvertToLong() || first.asLong() < 0 || first.asLong() > most) {
            throw new IllegalArgumentException(which + "_token_id in config.json is '" + shown(first.toString())
                    + "', but the tokenizer's ids are between 0 and " + most
                    + "; correct it there, or name " + which + "_token in tokenizer_config.json");
        }
        return OptionalLong.of(first.asLong());
    }

    /** The special token that the post-processing template puts before a single text. */
    private OptionalLong templateStart() {
        JsonNode step = tokenizer.path("post_processor");
        List<JsonNode> steps = new ArrayList<>(List.of(step));
        step.path("processors").forEach(steps::add);
        for (JsonNode candidate : steps) {
            Long id = ids.get(candidate
                    .path("single")
                    .path(0)
                    .path("SpecialToken")
                    .path("id")
                    .asText(""));
            if (id != null) {
                return OptionalLong.of(id);
            }
        }
        return OptionalLong.empty();
    }
}
