package dev.ariadne.model.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.model.HookedTransformer;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which model a name means, where it is looked for, and what the hub refuses. */
class HubTest {
    private static final Path LLAMA = Path.of("src/test/resources/models/llama-tiny");
    private static final HubId ID = HubId.of(HubServer.MODEL);

    @TempDir
    Path cache;

    private HubServer server;

    @BeforeEach
    void serve() throws IOException {
        server = new HubServer();
        server.files.put("config.json", Files.readAllBytes(LLAMA.resolve("config.json")));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private void refuses(String... expected) {
        refuses(ID, IOException.class, expected);
    }

    private void refuses(HubId id, Class<?> kind, String... expected) {
        Hub hub = new Hub(server.settings(cache));
        assertThatThrownBy(() -> hub.folder(id)).isInstanceOf(kind).hasMessageContainingAll(expected);
        assertThat(server.requests).noneMatch(r -> r.contains(".safetensors"));
    }

    @ParameterizedTest
    @CsvSource({
        "gpt2, openai-community/gpt2, main",
        "GPT2-medium, openai-community/gpt2-medium, main",
        "distilgpt2, distilbert/distilgpt2, main",
        "pythia-70m, EleutherAI/pythia-70m, main",
        "pythia-1.4b@step1000, EleutherAI/pythia-1.4b, step1000",
        "SmolLM2-135M, HuggingFaceTB/SmolLM2-135M, main",
        "smollm2-1.7b-instruct, HuggingFaceTB/SmolLM2-1.7B-Instruct, main",
        "qwen2.5-0.5b, Qwen/Qwen2.5-0.5B, main",
        "qwen3-0.6b, Qwen/Qwen3-0.6B, main",
        "llama-3.2-1b, meta-llama/Llama-3.2-1B, main",
        "gemma-2-2b, google/gemma-2-2b, main",
        "gemma-3-1b, google/gemma-3-1b-pt, main",
        "org_1/Model.v2, org_1/Model.v2, main",
    })
    void aNameMeansAModel(String text, String name, String revision) {
        assertThat(HubId.of(text)).isEqualTo(new HubId(name, revision));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../x",
                "a/../b",
                "a//b",
                "/a/b",
                "a\\b",
                "a/b\\c",
                "a/b/c",
                "a/..",
                "./a",
                "a/b..c",
                "a/b--c",
                "a/.b",
                "a/b.",
                "a/-b",
                "a/b\u0000",
                "a/b\n",
                "a/b?x=1",
                "a/b#c",
                "a/b%2e",
                "http://a/b",
                "C:/b",
                "a/ b",
                "a/é",
                "a/b@../main",
                "a/b@",
                "a/b@x/y",
                "/",
                ""
            })
    void aNameWithTricksMeansNone(String text) {
        assertThatThrownBy(() -> HubId.of(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageMatching("(?s).*(org/name|is no revision).*")
                .message()
                .doesNotContainPattern("\\p{Cntrl}");
    }

    @Test
    void aNameThatIsTooLongMeansNone() {
        assertThat(HubId.of("a/" + "b".repeat(96)).revision()).isEqualTo("main");
        assertThatThrownBy(() -> HubId.of("a/" + "b".repeat(97))).hasMessageContaining("at most 96");
        assertThatThrownBy(() -> HubId.of("a/" + "b".repeat(1 << 20))).message().hasSizeLessThan(500);
    }

    @Test
    void aModelThatCannotBeFoundSaysWhereItWasLookedFor() {
        assertThatThrownBy(() -> HookedTransformer.load("pythia-71m"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(
                        "'pythia-71m'", Path.of("").toAbsolutePath().toString(), "gpt2-tiny", "org/name", "pythia-70m");
        assertThatThrownBy(() -> HookedTransformer.load("some/../where"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("no model 'some/../where'", "neither a file or folder", "no hub id");
    }

    @Test
    void theCacheOfOtherToolsIsUsedWithoutAsking() throws IOException {
        for (String folder : new String[] {"models--gpt2", "models--openai-community--gpt2"}) {
            Path root = cache.resolve(folder + "-cache");
            Path expected = cached(root, folder, "main", HubServer.COMMIT);
            assertThat(new Hub(server.settings(root)).folder(HubId.of("gpt2"))).isEqualTo(expected);
        }
        Path expected = cached(cache, "models--someone--some-model", "step1000", "f".repeat(40));
        assertThat(new Hub(server.settings(cache)).folder(HubId.of(HubServer.MODEL + "@step1000")))
                .isEqualTo(expected);
        assertThat(new Hub(server.settings(cache)).folder(HubId.of(HubServer.MODEL + "@" + "f".repeat(40))))
                .isEqualTo(expected);
        assertThat(server.requests).isEmpty();
    }

    private static Path cached(Path root, String folder, String revision, String commit) throws IOException {
        Path repository = root.resolve(folder);
        Files.createDirectories(repository.resolve("refs"));
        Files.writeString(repository.resolve("refs").resolve(revision), commit);
        Path snapshot = Files.createDirectories(repository.resolve("snapshots").resolve(commit));
        Files.copy(LLAMA.resolve("config.json"), snapshot.resolve("config.json"));
        Files.copy(LLAMA.resolve("model.safetensors"), snapshot.resolve("model.safetensors"));
        return snapshot;
    }

    @Test
    void aReferenceThatLeavesTheCacheIsNotFollowed() throws IOException {
        Path elsewhere = cached(cache, "elsewhere", "main", HubServer.COMMIT);
        Path refs = Files.createDirectories(cache.resolve("models--someone--some-model/refs"));
        Files.writeString(refs.resolve("main"), "../../elsewhere/snapshots/" + elsewhere.getFileName());
        server.replies.put("", HubServer.status(404, ""));
        refuses(ID, IllegalArgumentException.class, "status 404");
    }

    @Test
    void offlineMeansTheCacheOnly() {
        HubSettings s = server.settings(cache);
        Hub hub = new Hub(
                new HubSettings(s.endpoint(), cache, "", true, s.timeout(), s.pause(), true, s.disk(), s.proxies()));
        assertThatThrownBy(() -> hub.folder(ID))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(HubServer.MODEL, cache.toString(), "HF_HUB_OFFLINE", "unset");
        assertThat(server.requests).isEmpty();
    }

    @Test
    void gemmaIsTakenFromTheCacheAndNeverFetched() throws IOException {
        HubId gemma = HubId.of("gemma-2-2b");
        refuses(
                gemma,
                IllegalArgumentException.class,
                "Gemma terms",
                "Accept the licence at " + server.address() + "/google/gemma-2-2b",
                "hf download google/gemma-2-2b",
                cache.toString());
        assertThat(server.requests).isEmpty();
        server.replies.put(
                "",
                (exchange, content) -> HubServer.well(
                        exchange,
                        server.listing()
                                .replace("\"id\"", "\"tags\": [\"x\", \"license:gemma\"], \"id\"")
                                .getBytes(StandardCharsets.UTF_8)));
        refuses(ID, IllegalArgumentException.class, "Gemma terms"); // under another name
        Path expected = cached(cache, "models--google--gemma-2-2b", "main", HubServer.COMMIT);
        assertThat(new Hub(server.settings(cache)).folder(gemma)).isEqualTo(expected);
    }

    @Test
    void aModelTheHubDoesNotHaveOrShow() {
        HubId pythia = HubId.of("EleutherAI/pythia-71m");
        server.replies.put("", HubServer.status(404, ""));
        refuses(pythia, IllegalArgumentException.class, "'EleutherAI/pythia-71m'", "404", "EleutherAI/pythia-70m");
        server.replies.put("", HubServer.status(401, "RepoNotFound"));
        refuses(pythia, IllegalArgumentException.class, "401", "near names", "private or gated", "HF_TOKEN");
        server.replies.put("", HubServer.status(404, "RevisionNotFound"));
        refuses(HubId.of("a/b@v9"), IllegalArgumentException.class, "a/b has no revision 'v9'");
        server.replies.put("", HubServer.status(418, ""));
        refuses("status 418");
    }

    @Test
    void aGatedModelSaysHowToGetIt() {
        String page = server.address() + "/" + HubServer.MODEL;
        server.files.put("model.safetensors", new byte[8]);
        for (HubServer.Reply reply :
                new HubServer.Reply[] {HubServer.status(401, "GatedRepo"), HubServer.status(403, "GatedRepo")}) {
            server.replies.put("config.json", reply);
            refuses("access to " + HubServer.MODEL, "open " + page, "accept the licence", "HF_TOKEN");
        }
        Hub withToken = new Hub(server.settings(cache, "hf_old", Duration.ofSeconds(5), folder -> Long.MAX_VALUE));
        server.replies.put("", HubServer.status(401, ""));
        assertThatThrownBy(() -> withToken.folder(ID))
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll("status 401", "HF_TOKEN")
                .hasMessageNotContaining("hf_old");
    }

    @Test
    void weightsOfAnotherKindAreNotFetched() {
        server.files.put("pytorch_model.bin", new byte[1]);
        refuses("no model.safetensors", "pytorch_model.bin", "Pickles", "save_pretrained", HubServer.MODEL);
        server.files.put("q4.gguf", new byte[1]);
        refuses("as GGUF: q4.gguf", "load that file");
        server.files.clear();
        server.files.put("model.safetensors", new byte[1]);
        refuses("no config.json");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../config.json", "a/../../x", "/etc/passwd", "..\\\\x", "a\\u0000", ""})
    void aListWithFilesOutsideOfTheModelIsRefused(String name) {
        String files = HubServer.entry("config.json", 1, "0".repeat(40)) + ", "
                + HubServer.entry(name, 1, "0".repeat(40)) + ", "
                + HubServer.entry("model.safetensors", 1, "0".repeat(64));
        list("{\"sha\": \"" + HubServer.COMMIT + "\", \"siblings\": [" + files + "]}");
        refuses("would leave the model's folder");
    }

    @Test
    void aListThatSaysTooLittleIsRefused() {
        list("<html>");
        refuses("is no JSON", "HF_ENDPOINT");
        list("{}");
        refuses("names the commit ''");
        list("{\"sha\": \"../../../../../../../../../../../../../x\"}");
        refuses("names the commit '../");
        for (String hash : new String[] {"", "../../x", "0".repeat(41), "G".repeat(40)}) {
            String files =
                    HubServer.entry("config.json", 1, hash) + ", " + HubServer.entry("model.safetensors", 1, hash);
            list("{\"sha\": \"" + HubServer.COMMIT + "\", \"siblings\": [" + files + "]}");
            refuses("config.json of " + HubServer.MODEL, "the hash '" + hash + "'");
        }
        list(server.listing()
                .replaceAll("\"size\": \\d+", "\"size\": -1")
                .replace("}]", "}, {\"rfilename\":" + " \"model.safetensors\"}]"));
        refuses("the size -1");
        server.replies.put("", (exchange, content) -> HubServer.well(exchange, new byte[(32 << 20) + 1]));
        refuses("too many for a list of files");
    }

    private void list(String json) {
        server.replies.put("", (exchange, c) -> HubServer.well(exchange, json.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void whereLinksAreImpossibleFilesAreCopied() throws IOException {
        server.files.put("model.safetensors", Files.readAllBytes(LLAMA.resolve("model.safetensors")));
        HubSettings s = server.settings(cache);
        Hub hub = new Hub(
                new HubSettings(s.endpoint(), cache, "", false, s.timeout(), s.pause(), false, s.disk(), s.proxies()));
        Path weights = hub.folder(ID).resolve("model.safetensors");
        assertThat(weights).hasBinaryContent(server.file("model.safetensors"));
        assertThat(Files.isSymbolicLink(weights)).isFalse();
        assertThat(hub.folder(ID)).isEqualTo(weights.getParent());
    }

    @Test
    void settingsComeFromTheVariablesOfPythonsTools() throws IOException {
        Path home = Files.createDirectories(cache.resolve("home"));
        HubSettings plain = HubSettings.of(Map.of(), home);
        assertThat(plain.cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
        assertThat(plain.endpoint()).isEqualTo(URI.create("https://huggingface.co"));
        assertThat(plain.token()).isEmpty();
        assertThat(plain.offline()).isFalse();
        assertThat(plain.disk().free(home)).isEqualTo(Files.getFileStore(home).getUsableSpace());
        assertThat(HubSettings.of(Map.of("XDG_CACHE_HOME", "/x"), home).cache())
                .isEqualTo(Path.of("/x/huggingface/hub"));
        assertThat(HubSettings.of(Map.of("HF_HOME", "~/hf"), home).cache()).isEqualTo(home.resolve("hf/hub"));
        assertThat(HubSettings.of(Map.of("HF_HOME", "/hf", "HF_HUB_CACHE", "/c"), home)
                        .cache())
                .isEqualTo(Path.of("/c"));
        Files.createDirectories(home.resolve("hf"));
        Files.writeString(home.resolve("hf/token"), "hf_file\n");
        assertThat(HubSettings.of(Map.of("HF_HOME", "~/hf"), home).token()).isEqualTo("hf_file");
        HubSettings all = HubSettings.of(
                Map.of("HF_TOKEN", "hf_t", "HF_ENDPOINT", "http://mirror:8080/x/", "HF_HUB_OFFLINE", "1"), home);
        assertThat(all.token()).isEqualTo("hf_t");
        assertThat(all.endpoint()).isEqualTo(URI.create("http://mirror:8080/x"));
        assertThat(all.offline()).isTrue();
        assertThat(all.toString()).doesNotContain("hf_t");
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "mirror"), home))
                .hasMessageContaining("HF_ENDPOINT is 'mirror'");
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_TOKEN", "a\nb"), home))
                .hasMessageContaining("HF_TOKEN")
                .hasMessageNotContaining("a\nb");
    }

    @Test
    void filesInFoldersAreFetchedOnceAndFoundAgain() throws IOException {
        server.files.put("layer_0/width_16k/params.npz", new byte[] {1, 2, 3});
        server.files.put("layer_1/width_16k/params.npz", new byte[] {4});
        server.files.put("layer_2/other.bin", new byte[] {5});
        Hub hub = new Hub(server.settings(cache));
        List<String> names = List.of("layer_0/width_16k/params.npz", "config.json");
        Path folder = hub.files(ID, names);
        assertThat(folder.resolve(names.get(0))).hasBinaryContent(new byte[] {1, 2, 3});
        int before = server.requests.size();
        assertThat(hub.files(ID, names)).isEqualTo(folder);
        assertThat(server.requests).as("nothing more is asked").hasSize(before);
        Path all = hub.filesNamed(ID, name -> name.endsWith(".npz"));
        assertThat(all.resolve("layer_1/width_16k/params.npz")).hasBinaryContent(new byte[] {4});
        assertThat(all.resolve("layer_2")).doesNotExist();
        assertThat(server.requests.subList(before, server.requests.size()))
                .as("what is there is not fetched again")
                .noneMatch(request -> request.contains("layer_0"));
        server.close();
        assertThat(hub.filesNamed(ID, name -> name.endsWith(".npz")))
                .as("without a connection")
                .isEqualTo(all);
        for (String evil : List.of("../x.npz", "/etc/passwd", "a//b.npz", "a\\b.npz", "", "a/.hidden")) {
            assertThatThrownBy(() -> hub.files(ID, List.of(evil)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("is no file of");
        }
    }

    @Test
    void aFileThatARepositoryLacksIsNamed() {
        Hub hub = new Hub(server.settings(cache));
        assertThatThrownBy(() -> hub.files(ID, List.of("layer_0/params.npz")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("has no layer_0/params.npz");
        assertThatThrownBy(() -> hub.filesNamed(ID, name -> name.endsWith(".npz")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("it holds config.json");
    }
}
