package dev.ariadne.model;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes the {@code tokenizer.json} that does what the vocabulary in a GGUF file says. GGUF names the way text is cut
 * ({@code tokenizer.ggml.pre}) instead of giving the expression; only cuts whose expression is known are accepted, since
 * a wrong one gives wrong ids without any sign of it.
 */
final class TokenizerJson {
    private static final String TYPES = "tokenizer.ggml.token_type";
    private static final int NORMAL = 1;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;
    private static final int LONGEST_PIECE = 512; // characters; merging tries every cut of a piece
    private static final int LONGEST_SHOWN = 60;
    private static final String BLANK = "\u2581"; // how SentencePiece writes a blank

    private static final String OWN_JSON =
            "put the model's own tokenizer.json beside the .gguf file and load again, or give it to Tokenizer.of(path)";
    private static final String GPT2_CUT =
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    private static final String LLAMA3_CUT = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    /** Expressions applied one after the other, each to what the one before has left whole. */
    private static final Map<String, List<String>> CUTS = cuts();

    private final Map<String, Object> metadata;
    private final List<String> pieces;
    private final List<Number> types;
    private final Map<String, Integer> ids = new LinkedHashMap<>();

    /**
     * @param metadata the pairs of a GGUF file
     * @throws IllegalArgumentException if they hold no vocabulary that is consistent and of a known kind
     */
    TokenizerJson(Map<String, Object> metadata) {
        this.metadata = metadata;
        this.pieces = strings(metadata, "tokenizer.ggml.tokens");
        this.types = metadata.containsKey(TYPES) ? numbers(TYPES) : List.of();
        for (int id = 0; id < pieces.size(); id++) {
            ids.putIfAbsent(pieces.get(id), id);
        }
    }

    private static Map<String, List<String>> cuts() {
        List<String> gpt2 = List.of(GPT2_CUT);
        List<String> digitsFirst = List.of("\\p{N}", GPT2_CUT);
        List<String> qwen2 = List.of(LLAMA3_CUT.replace("{1,3}", ""));
        List<String> byDefault = List.of("[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2_CUT, "\\p{N}+", "[0-9][0-9][0-9]");
        Map<String, List<String>> cuts = new LinkedHashMap<>();
        List.of("gpt-2", "mpt", "olmo", "jais").forEach(pre -> cuts.put(pre, gpt2));
        List.of("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone")
                .forEach(pre -> cuts.put(pre, digitsFirst));
        List.of("llama-bpe", "llama3", "llama-v3").forEach(pre -> cuts.put(pre, List.of(LLAMA3_CUT)));
        List.of("qwen2", "stablelm2").forEach(pre -> cuts.put(pre, qwen2));
        cuts.put("default", byDefault);
        return cuts;
    }

    /** The pieces by id, as the file has them. */
    List<String> pieces() {
        return pieces;
    }

    /** The ids that are spelled as they read: control and user-defined tokens. */
    BitSet added() {
        BitSet added = new BitSet();
        for (int id = 0; id < pieces.size(); id++) {
            added.set(id, isAdded(id));
        }
        return added;
    }

    private boolean isAdded(int id) {
        return type(id) == CONTROL || type(id) == USER_DEFINED;
    }

    /** Whether the file's vocabulary is byte-level BPE (the alternative is SentencePiece with scores). */
    boolean isByteLevel() {
        Object model = metadata.getOrDefault("tokenizer.ggml.model", "absent");
        if (model.equals("gpt2")) {
            return true;
        }
        if (model.equals("llama")) {
            return false;
        }
        throw new IllegalArgumentException(
                "tokenizer.ggml.model is '" + shown(model) + "'; 'gpt2' and 'llama' are read; " + OWN_JSON);
    }

    /** Whether the file asks for this automatic token; files that do not say follow the habit of their kind. */
    boolean addsBos() {
        Object said = metadata.get("tokenizer.ggml.add_bos_token");
        if (said instanceof Boolean value) {
            return value;
        }
        return !isByteLevel() || isLlama3();
    }

    private boolean isLlama3() {
        return List.of("llama-bpe", "llama3", "llama-v3")
                .contains(metadata.getOrDefault("tokenizer.ggml.pre", "default"));
    }

    /** The bytes of the {@code tokenizer.json}. */
    byte[] write() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (JsonGenerator json = new JsonFactory().createGenerator(out)) {
            json.writeStartObject();
            json.writeStringField("version", "1.0");
            json.writeNullField("truncation");
            json.writeNullField("padding");
            addedTokens(json);
            if (isByteLevel()) {
                byteLevel(json);
            } else {
                sentencePiece(json);
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // writing to memory does not fail
        }
        return out.toByteArray();
    }

    private int type(int id) {
        return types.isEmpty() ? NORMAL : types.get(id).intValue();
    }

    private void addedTokens(JsonGenerator json) throws IOException {
        json.writeArrayFieldStart("added_tokens");
        for (int id = 0; id < pieces.size(); id++) {
            if (!isAdded(id)) {
                continue;
            }
            json.writeStartObject();
            json.writeNumberField("id", id);
            json.writeStringField("content", pieces.get(id));
            for (String no : List.of("single_word", "lstrip", "rstrip", "normalized")) {
                json.writeBooleanField(no, false);
            }
            json.writeBooleanField("special", type(id) == CONTROL);
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private void byteLevel(JsonGenerator json) throws IOException {
        String pre = shown(metadata.getOrDefault("tokenizer.ggml.pre", "default"));
        List<String> cuts = CUTS.get(pre);
        if (cuts == null) {
            throw new IllegalArgumentException(
                    "tokenizer.ggml.pre is '" + shown(pre) + "', a way of cutting text that is not known"
                            + " here; known: " + String.join(", ", CUTS.keySet())
                            + "; " + OWN_JSON);
        }
        if (pre.equals("qwen2")) {
            json.writeFieldName("normalizer");
            object(json, "type", "NFC");
        } else {
            json.writeNullField("normalizer");
        }
        json.writeObjectFieldStart("pre_tokenizer");
        json.writeStringField("type", "Sequence");
        json.writeArrayFieldStart("pretokenizers");
        for (String cut : cuts) {
            json.writeStartObject();
            json.writeStringField("type", "Split");
            json.writeFieldName("pattern");
            object(json, "Regex", cut);
            json.writeStringField("behavior", "Isolated");
            json.writeBooleanField("invert", false);
            json.writeEndObject();
        }
        byteLevelStep(json);
        json.writeEndArray();
        json.writeEndObject();
        json.writeNullField("post_processor");
        json.writeFieldName("decoder");
        byteLevelStep(json);
        bpe(json, false, isLlama3());
        merges(json);
        json.writeEndObject();
    }

    private static void byteLevelStep(JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeStringField("type", "ByteLevel");
        json.writeBooleanField("add_prefix_space", false);
        json.writeBooleanField("trim_offsets", true);
        json.writeBooleanField("use_regex", false);
        json.writeEndObject();
    }

    /** SentencePiece's greedy merging by score is BPE whose merges are ranked by the score of what they make. */
    private void sentencePiece(JsonGenerator json) throws IOException {
        boolean prefix = !Boolean.FALSE.equals(metadata.get("tokenizer.ggml.add_space_prefix"));
        json.writeObjectFieldStart("normalizer");
        json.writeStringField("type", "Sequence");
        json.writeArrayFieldStart("normalizers");
        if (prefix) {
            object(json, "type", "Prepend", "prepend", BLANK);
        }
        replace(json, " ", BLANK);
        json.writeEndArray();
        json.writeEndObject();
        json.writeNullField("pre_tokenizer");
        json.writeNullField("post_processor");
        json.writeObjectFieldStart("decoder");
        json.writeStringField("type", "Sequence");
        json.writeArrayFieldStart("decoders");
        replace(json, BLANK, " ");
        object(json, "type", "ByteFallback");
        object(json, "type", "Fuse");
        if (prefix) {
            json.writeStartObject();
            json.writeStringField("type", "Strip");
            json.writeStringField("content", " ");
            json.writeNumberField("start", 1);
            json.writeNumberField("stop", 0);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
        bpe(json, true, false);
        json.writeArrayFieldStart("merges");
        for (Merge merge : scoredMerges()) {
            merge(json, merge.left(), merge.right());
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void replace(JsonGenerator json, String from, String to) throws IOException {
        json.writeStartObject();
        json.writeStringField("type", "Replace");
        json.writeFieldName("pattern");
        object(json, "String", from);
        json.writeStringField("content", to);
        json.writeEndObject();
    }

    private static void object(JsonGenerator json, String... keysAndValues) throws IOException {
        json.writeStartObject();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            json.writeStringField(keysAndValues[i], keysAndValues[i + 1]);
        }
        json.writeEndObject();
    }

    /** Begins the model with all but its merges, which the caller adds. */
    private void bpe(JsonGenerator json, boolean byteFallback, boolean ignoreMerges) throws IOException {
        json.writeObjectFieldStart("model");
        json.writeStringField("type", "BPE");
        json.writeNullField("dropout");
        Object unknown = metadata.get("tokenizer.ggml.unknown_token_id");
        if (byteFallback && unknown instanceof Long id && id >= 0 && id < pieces.size()) {
            json.writeStringField("unk_token", pieces.get(id.intValue()));
        } else {
            json.writeNullField("unk_token");
        }
        json.writeNullField("continuing_subword_prefix");
        json.writeNullField("end_of_word_suffix");
        json.writeBooleanField("fuse_unk", byteFallback);
        json.writeBooleanField("byte_fallback", byteFallback);
        json.writeBooleanField("ignore_merges", ignoreMerges);
        json.writeObjectFieldStart("vocab");
        for (Map.Entry<String, Integer> piece : ids.entrySet()) {
            json.writeNumberField(piece.getKey(), piece.getValue());
        }
        json.writeEndObject();
    }

    private static void merge(JsonGenerator json, String left, String right) throws IOException {
        json.writeStartArray();
        json.writeString(left);
        json.writeString(right);
        json.writeEndArray();
    }

    private void merges(JsonGenerator json) throws IOException {
        json.writeArrayFieldStart("merges");
        List<String> pairs = strings(metadata, "tokenizer.ggml.merges");
        for (int i = 0; i < pairs.size(); i++) {
            String pair = pairs.get(i);
            int blank = pair.indexOf(' ', 1);
            String left = blank < 0 ? pair : pair.substring(0, blank);
            String right = blank < 0 ? "" : pair.substring(blank + 1);
            if (!ids.containsKey(left) || !ids.containsKey(right) || !ids.containsKey(left + right)) {
                throw new IllegalArgumentException("merge " + i + " of tokenizer.ggml.merges is '" + pair
                        + "'; both parts and the whole must be tokens: download or convert the GGUF file again");
            }
            merge(json, left, right);
        }
        json.writeEndArray();
    }

    /** Two pieces that become one; lower ranks are merged first. */
    private record Merge(String left, String right, double rank) {}

    private List<Merge> scoredMerges() {
        List<Number> scores = numbers("tokenizer.ggml.scores");
        Map<String, Integer> parts = new HashMap<>(); // what may stand on one side of a merge
        for (int id = 0; id < pieces.size(); id++) {
            if (type(id) == NORMAL) {
                requireMergeable(id);
                parts.putIfAbsent(pieces.get(id), id);
            }
        }
        List<Merge> merges = new ArrayList<>();
        for (Map.Entry<String, Integer> whole : parts.entrySet()) {
            String piece = whole.getKey();
            double rank = -scores.get(whole.getValue()).doubleValue();
            for (int at = 1; at < piece.length(); at++) {
                Integer left = parts.get(piece.substring(0, at));
                Integer right = left == null ? null : parts.get(piece.substring(at));
                if (left != null && right != null) {
                    merges.add(new Merge(pieces.get(left), pieces.get(right), rank));
                }
            }
        }
        merges.sort(Comparator.comparingDouble(Merge::rank)
                .thenComparing(merge -> -merge.left().length())
                .thenComparing(merge -> parts.getOrDefault(merge.left() + merge.right(), 0))
                .thenComparing(Merge::left));
        return merges;
    }

    private void requireMergeable(int id) {
        int length = pieces.get(id).length();
        if (length > LONGEST_PIECE) {
            throw new IllegalArgumentException("token " + id + " of tokenizer.ggml.tokens has " + length
                    + " characters, but may have " + LONGEST_PIECE + " at most; " + OWN_JSON);
        }
    }

    private static List<String> strings(Map<String, Object> metadata, String key) {
        if (!(metadata.get(key) instanceof List<?> list) || list.isEmpty()) {
            throw new IllegalArgumentException(
                    key + " is not in the GGUF metadata as a list of strings, so the file has"
                            + " no readable tokenizer; " + OWN_JSON);
        }
        return elements(key, list, String.class, "string");
    }

    /** A list of one number per token. */
    private List<Number> numbers(String key) {
        Object value = metadata.getOrDefault(key, List.of());
        if (!(value instanceof List<?> list)) {
            throw new IllegalArgumentException(key + " is " + shown(value)
                    + ", but must be a list of one number per token; download or convert the GGUF file again");
        }
        if (list.size() != pieces.size()) {
            throw new IllegalArgumentException(key + " has " + list.size() + " entries, but there are " + pieces.size()
                    + " tokens; download or convert the GGUF file again");
        }
        return elements(key, list, Number.class, "number");
    }

    private static <T> List<T> elements(String key, List<?> list, Class<T> type, String typeName) {
        List<T> elements = new ArrayList<>(list.size());
        for (Object element : list) {
            if (!type.isInstance(element)) {
                throw new IllegalArgumentException("entry " + elements.size() + " of " + key + " is " + shown(element)
                        + ", but must be a " + typeName + "; download or convert the GGUF file again");
            }
            elements.add(type.cast(element));
        }
        return elements;
    }

    /** A value of the metadata, short enough for a message. */
    static String shown(Object value) {
        if (value instanceof List<?> list) {
            return "a list of " + list.size();
        }
        String text = String.valueOf(value);
        return text.length() <= LONGEST_SHOWN ? text : text.substring(0, LONGEST_SHOWN) + "…";
    }
}
