package dev.ariadne.task;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.model.HookedTransformer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** A tiny model with random weights that reads English words, and digits two at a time, as one token each. */
public final class WordModel {
    private static final String PIECE = " ?\\d\\d| ?[A-Za-z]+|[^A-Za-z0-9]"; // the blank before a word is part of it
    private static final String BEGINNINGS =
            "When.After.While.Once.Since.As.Today.Yesterday.Then.Later.The.def.self.param";
    private static final String WORDS =
            "size name value index color path file data key time type text image user code state table page"
                    + " order group line level price count";
    private static final String TEXT =
            " Mary, John Tom Anna Paul Alice and came back from the in sat down were waiting at had arrived often"
                    + " met leaving old gave handed passed offered brought sold a to park store book ring stayed home left party went bed called"
                    + " doctor because she he capital of is city France Japan Paris Tokyo war peace began year ended 10 11 12 13 14 15 16 17 18"
                    + ":() \n\"'=";

    private WordModel() {}

    /** Writes its files into a folder and loads it. */
    public static HookedTransformer load(Path folder) throws IOException {
        Set<String> pieces = new LinkedHashSet<>();
        IntStream.range(0, 100).forEach(i -> pieces.add("%02d".formatted(i)));
        Matcher matcher =
                Pattern.compile(PIECE).matcher(BEGINNINGS + TEXT + " " + WORDS + "." + WORDS.replace(' ', '.'));
        while (matcher.find()) {
            pieces.add(matcher.group());
        }
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = mapper.createObjectNode().put("version", "1.0");
        json.putArray("added_tokens");
        json.putObject("pre_tokenizer")
                .put("type", "Split")
                .put("behavior", "Isolated")
                .put("invert", false)
                .putObject("pattern")
                .put("Regex", PIECE);
        json.putObject("decoder").put("type", "Fuse");
        ObjectNode model = json.putObject("model").put("type", "WordLevel").put("unk_token", "[none]");
        ObjectNode vocabulary = model.putObject("vocab");
        pieces.forEach(piece -> vocabulary.put(piece, vocabulary.size()));
        mapper.writeValue(folder.resolve("tokenizer.json").toFile(), json);
        Path file = folder.resolve("words.gguf"); // 320 tokens, room for 128
        Files.copy(Path.of("src/test/resources/gguf/tiny-llama.gguf"), file);
        return HookedTransformer.load(file.toString(), "cpu");
    }
}
