package dev.ariadne.model.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The files of one revision of a model, as the hub lists them.
 *
 * @param commit what the revision stands for
 * @param files by name, those in folders by their path
 * @param gemma whether the model is under Gemma's terms
 */
record HubListing(HubId id, String commit, Map<String, HubFile> files, boolean gemma) {
    private static final List<String> SMALL = List.of(
            "config.json",
            "generation_config.json",
            "special_tokens_map.json",
            "tokenizer_config.json",
            "tokenizer.json");
    private static final String WHOLE = "model.safetensors";
    private static final String INDEX = "model" + ShardIndex.SUFFIX;
    private static final Pattern PLAIN_NAME = Pattern.compile("[\\p{Alnum}_][\\p{Alnum}._+-]{0,200}");
    private static final int LONGEST_PATH = 400;
    private static final Pattern PICKLE = Pattern.compile(".*\\.(bin|pt|pth|ckpt)");
    private static final Pattern HASH = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");

    /**
     * A file of the hub.
     *
     * @param hash SHA-256 of the content (64 digits), or its Git blob id (40 digits)
     */
    record HubFile(String name, long size, String hash) {}

    static HubListing fetch(HubHttp http, HubId id) throws IOException, InterruptedException {
        String path = "/api/models/" + id.name() + "/revision/" + id.revision() + "?blobs=true";
        try {
            return of(
                    id,
                    new ObjectMapper().readTree(http.text(path)),
                    http.address(path).toString());
        } catch (JsonProcessingException e) {
            throw new IOException(
                    http.address(path) + " answers with something that is no JSON; is HF_ENDPOINT right?", e);
        }
    }

    private static HubListing of(HubId id, JsonNode json, String source) throws IOException {
        String commit = json.path("sha").asText("");
        if (!HubId.isCommit(commit)) {
            throw new IOException(
                    source + " names the commit " + Damage.quote(commit) + ", which is none; is HF_ENDPOINT right?");
        }
        Map<String, HubFile> files = new LinkedHashMap<>();
        for (JsonNode file : json.path("siblings")) {
            String name = file.path("rfilename").asText("");
            if (!isSafe(name)) {
                throw new IOException(source + " lists a file " + Damage.quote(name)
                        + ", which would leave the model's folder; nothing is taken from such a server");
            }
            if (isPlain(name)) {
                String hash = file.path("lfs")
                        .path("sha256")
                        .asText(file.path("blobId").asText(""));
                files.put(name, new HubFile(name, file.path("size").asLong(-1), hash));
            }
        }
        boolean gemma = json.path("tags").toString().contains("\"license:gemma\"");
        return new HubListing(id, commit, files, gemma);
    }

    /** Whether a name, or path of names, is of letters and digits as those of models are. */
    static boolean isPlain(String name) {
        return name.length() <= LONGEST_PATH
                && Arrays.stream(name.split("/", -1))
                        .allMatch(part -> PLAIN_NAME.matcher(part).matches());
    }

    private static boolean isSafe(String name) {
        return !name.isEmpty()
                && name.chars().noneMatch(c -> c == '\\' || Character.isISOControl(c))
                && !("/" + name + "/").contains("/../")
                && !name.startsWith("/");
    }

    /** What is needed besides the weights; the index of shards too, since it says which they are. */
    List<HubFile> small() throws IOException {
        if (!files.containsKey("config.json")) {
            throw new IOException(
                    id + " has no config.json, so it is no model this library reads; it holds " + names());
        }
        List<String> names = new ArrayList<>(SMALL);
        if (!files.containsKey(WHOLE)) {
            names.add(INDEX);
        }
        names.retainAll(files.keySet());
        return checked(names, "it is listed");
    }

    /** The weights; the files of {@link #small} must be in the snapshot. */
    List<HubFile> weights(Path snapshot) throws IOException {
        if (files.containsKey(WHOLE)) {
            return checked(List.of(WHOLE), "it is listed");
        }
        if (files.containsKey(INDEX)) {
            return checked(ShardIndex.read(snapshot.resolve(INDEX)).shards(), INDEX + " names it");
        }
        throw noWeights();
    }

    /** Refuses a model without weights that can be read, before anything of it is fetched. */
    void requireWeights() throws IOException {
        if (!files.containsKey(WHOLE) && !files.containsKey(INDEX)) {
            throw noWeights();
        }
    }

    private IOException noWeights() {
        List<String> gguf =
                files.keySet().stream().filter(n -> n.endsWith(".gguf")).toList();
        if (!gguf.isEmpty()) {
            return new IOException(id + " has its weights as GGUF: " + String.join(", ", gguf)
                    + "; download the one you want and load that file");
        }
        String found = id + " has no " + WHOLE + "; it holds " + names();
        if (files.keySet().stream().anyMatch(n -> PICKLE.matcher(n).matches())) {
            return new IOException(found + ". Pickles can run code when read, and are not: convert them in Python with "
                    + "transformers.AutoModelForCausalLM.from_pretrained('" + id.name()
                    + "').save_pretrained('folder'), put tokenizer.json there too, and load that folder");
        }
        return new IOException(found);
    }

    private String names() {
        return files.keySet().stream().filter(name -> !name.contains("/")).collect(Collectors.joining(", "));
    }

    /** Files by name, with a size and a hash. */
    List<HubFile> checked(List<String> names, String source) throws IOException {
        List<HubFile> wanted = new ArrayList<>();
        for (String name : names) {
            HubFile file = files.get(name);
            if (file == null) {
                throw new IOException(id + " has no " + name + ", although " + source
                        + "; look at its files on its page, and whether the revision is the right one");
            }
            if (file.size() < 0
                    || file.size() > Long.MAX_VALUE >> 16
                    || !HASH.matcher(file.hash()).matches()) {
                throw new IOException("the hub gives " + name + " of " + id + " the size " + file.size()
                        + " and the hash " + Damage.quote(file.hash())
                        + "; both are needed to check a download: is HF_ENDPOINT right?");
            }
            wanted.add(file);
        }
        return wanted;
    }
}
