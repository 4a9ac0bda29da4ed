package dev.ariadne.model.weights;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Which model of the hub is meant.
 *
 * @param name organisation and model, such as {@code EleutherAI/pythia-70m}
 * @param revision a branch, a tag or a commit
 */
record HubId(String name, String revision) {
    private static final String MAIN = "main";
    private static final int LONGEST_PART = 96;
    private static final Pattern PART = Pattern.compile("\\w([\\w.-]*\\w)?");
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

    /** Models that were on the hub before organisations were: Python's caches have them by the bare name too. */
    private static final List<String> BARE = List.of("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2");

    /** What people type, in lower case, and what it stands for. */
    static final Map<String, String> ALIASES = aliases();

    private static Map<String, String> aliases() {
        Map<String, String> aliases = new TreeMap<>();
        add(aliases, "openai-community", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl");
        add(aliases, "distilbert", "distilgpt2");
        add(aliases, "EleutherAI", "pythia-14m", "pythia-31m", "pythia-70m", "pythia-160m", "pythia-410m");
        add(aliases, "EleutherAI", "pythia-1b", "pythia-1.4b", "pythia-2.8b", "pythia-6.9b", "pythia-12b");
        for (String size : List.of("135M", "360M", "1.7B")) {
            add(aliases, "HuggingFaceTB", "SmolLM2-" + size, "SmolLM2-" + size + "-Instruct");
        }
        add(aliases, "Qwen", "Qwen2.5-0.5B", "Qwen2.5-1.5B", "Qwen2.5-3B", "Qwen2.5-7B");
        add(aliases, "Qwen", "Qwen3-0.6B", "Qwen3-1.7B", "Qwen3-4B", "Qwen3-8B");
        add(aliases, "meta-llama", "Llama-3.2-1B", "Llama-3.2-3B", "Llama-3.1-8B");
        add(aliases, "google", "gemma-2-2b", "gemma-2-9b", "gemma-3-270m");
        aliases.put("gemma-3-1b", "google/gemma-3-1b-pt");
        return aliases;
    }

    private static void add(Map<String, String> aliases, String organisation, String... names) {
        for (String name : names) {
            aliases.put(name.toLowerCase(Locale.ROOT), organisation + "/" + name);
        }
    }

    /**
     * Reads {@code org/name}, a known short name, and {@code @revision} after either.
     *
     * @throws IllegalArgumentException saying why the text is none of these
     */
    static HubId of(String text) {
        int at = text.indexOf('@');
        String revision = at < 0 ? MAIN : text.substring(at + 1);
        String typed = at < 0 ? text : text.substring(0, at);
        String name = ALIASES.getOrDefault(typed.toLowerCase(Locale.ROOT), typed);
        String[] parts = name.split("/", -1);
        if (parts.length == 1 && isPart(name)) {
            throw new IllegalArgumentException("models of the hub are given as 'org/name'; short names near this one: "
                    + String.join(", ", NearestNames.of(typed.toLowerCase(Locale.ROOT), ALIASES.keySet(), 3)));
        }
        if (parts.length != 2 || !isPart(parts[0]) || !isPart(parts[1])) {
            throw new IllegalArgumentException(
                    Damage.quote(text) + " is no hub id: that is 'org/name', each of at most " + LONGEST_PART
                            + " letters, digits, '.', '-' and '_' that begin and end with a letter or digit");
        }
        if (!isPart(revision)) {
            throw new IllegalArgumentException(Damage.quote(revision) + " is no revision: give a branch, tag or commit"
                    + " in letters, digits, '.', '-' and '_'");
        }
        return new HubId(name, revision);
    }

    private static boolean isPart(String text) {
        return text.length() <= LONGEST_PART
                && PART.matcher(text).matches()
                && !text.contains("..")
                && !text.contains("--");
    }

    static boolean isCommit(String text) {
        return COMMIT.matcher(text).matches();
    }

    /** The folders of a cache that may hold the model; downloads go into the first. */
    List<String> cacheFolders() {
        List<String> folders = new ArrayList<>(List.of("models--" + name.replace("/", "--")));
        String bare = name.substring(name.indexOf('/') + 1);
        if (BARE.contains(bare) && name.equals(ALIASES.get(bare))) {
            folders.add("models--" + bare);
        }
        return folders;
    }

    /** Gemma's terms are accepted by a person, not by a download. */
    boolean isGemma() {
        return name.toLowerCase(Locale.ROOT).contains("gemma");
    }

    @Override
    public String toString() {
        return revision.equals(MAIN) ? name : name + "@" + revision;
    }
}
