/// AttributionGraph
var replacement = ReplacementModel.load("tutorial");

/// GraphComparison
var replacement = ReplacementModel.load("tutorial");
var dallas = replacement.attribute("Fact: the capital of the state containing Dallas is").prune().toJson("dallas");
var oakland = replacement.attribute("Fact: the capital of the state containing Oakland is").prune().toJson("oakland");

/// GraphJson
ReplacementModel.load("tutorial").attribute("Dallas is in").prune(0.97, 0.99).save(Path.of("dallas.json"));
var url = GraphUrl.of("?slug=dallas");

/// GraphUrl
var annotations = Annotations.NONE;

/// ReplacementModel, Demonstration, HookedTransformer, ModelConfig, Sampling, CircuitPruner, SparseTrainer, Displayable

/// Faithfulness
var model = dev.ariadne.task.WordModel.load(Files.createDirectories(Path.of("words")));
var task = Tasks.greaterThan(model, 4, 0);
var circuit = new Acdc(model, task).findCircuit();

/// Acdc, Task, Tasks
var model = dev.ariadne.task.WordModel.load(Files.createDirectories(Path.of("words")));
Files.writeString(Path.of("prompts.csv"), "clean,corrupted,answer,wrong\nThe capital of France is,The capital of Japan is, Paris, Tokyo\n");

/// ActivationPatching
var model = HookedTransformer.load("tutorial");
var clean = "Fact: the capital of the state containing Dallas is";
var corrupted = "Fact: the capital of the state containing Oakland is";
int[] neurons = {7, 19};
var patching = ActivationPatching.of(model, clean, corrupted, Metric.logitDifference(model, "Austin", "Sacramento"));

/// EdgeAttribution, SubnetworkProbing
var model = dev.ariadne.task.WordModel.load(Files.createDirectories(Path.of("words")));
var task = Tasks.ioi(model, 4, 0);

/// HeadAblation, HeadDetector
var model = dev.ariadne.SnippetsTest.smolLm2();

/// Display, Notebook
var model = HookedTransformer.load("gpt2-tiny");
var prompt = "Dallas is in";
var cache = model.runWithCache(prompt);

/// ModelWeights
var model = HookedTransformer.load("gpt2-tiny");

/// StackOptions
var cache = dev.ariadne.SnippetsTest.smolLm2().runWithCache("Dallas is in");

/// Tokenizer
var tokenizer = dev.ariadne.SnippetsTest.smolLm2().tokenizer();

/// Contrast
var replacement = ReplacementModel.load("tutorial");
var prompt = "Fact: the capital of the state containing Dallas is";
var texanPlaces = List.of(Spot.of("Houston is in", "Houston"), Spot.of("Austin is in", "Austin"));
var otherPlaces = List.of(Spot.of("Oakland is in", "Oakland"), Spot.of("Shanghai is in", "Shanghai"));

/// FeaturePatcher
var replacement = ReplacementModel.load("tutorial");
var prompt = "Fact: the capital of the state containing Dallas is";

/// InterventionGraph
import static dev.ariadne.intervention.InterventionGraph.row;
var replacement = ReplacementModel.load("tutorial");
var prompt = "Fact: the capital of the state containing Dallas is";
var sayAustin = Supernode.of("Say Austin", "2_12_10");
var sayACapital = Supernode.of("Say a capital", "2_13_10");
var texas = Supernode.of("Texas", "0_3_9", "1_207_9").leadsTo(sayAustin);
var capital = Supernode.of("capital", "0_3_4");
var state = Supernode.of("state", "0_4_7");

/// Supernode
import static dev.ariadne.intervention.InterventionGraph.row;
var replacement = ReplacementModel.load("tutorial");
var circuit = InterventionGraph.of(replacement, "Fact: the capital of the state containing Dallas is", row(Supernode.of("Texas", "0_3_9", "1_207_9").leadsTo(Supernode.of("Say Austin", "2_12_10"))), row(Supernode.of("Say Austin", "2_12_10")));

/// TutorialMembers
var replacement = ReplacementModel.load("tutorial");
var prompt = "Fact: the capital of the state containing Dallas is";

/// TrainableModel
var config = ModelConfig.builder().nLayers(1).dModel(8).heads(1, 8).attnOnly(true).dVocab(10).nCtx(8).build();
var examples = List.of(Example.of(1, 2, 3, 4), Example.of(4, 3, 2, 1));
var batches = new Epochs(examples, 2, 0);

/// Trainer
var model = TrainableModel.random(ModelConfig.builder().nLayers(1).dModel(8).heads(1, 8).attnOnly(true).dVocab(10).nCtx(8).build(), 0);
var config = TrainerConfig.of(20, Schedule.cosine(3e-3, 5, 20, 0));
var examples = List.of(Example.of(1, 2, 3, 4), Example.of(4, 3, 2, 1));

/// TranscoderTrainer
var model = HookedTransformer.load("gpt2-tiny");
var corpus = List.of(Example.of(1, 2, 3, 4), Example.of(4, 3, 2, 1));
var asked = corpus;

/// FeatureCards
var replacement = ReplacementModel.load("tutorial");
var model = replacement.model();
var transcoders = replacement.transcoders();
var texts = List.of(replacement.tokens("Dallas is in"), replacement.tokens("Oakland is in"));

/// TranscoderSet
TranscoderSet.embedded("tutorial").save(Files.createDirectories(Path.of("my-transcoders")), Map.of());
var model = HookedTransformer.load("tutorial");
var prompt = "Fact: the capital of the state containing Dallas is";

/// Progress
int layers = 2;
void patch(int layer) {}

/// Checkpoint
Files.copy(Paths.get("src/test/resources/gguf/tiny-llama.gguf"), Path.of("model.gguf"));
var manager = NDManager.newBaseManager();

/// attribution.md
var replacement = ReplacementModel.load("tutorial");
var texts = List.of(replacement.tokens("Dallas is in"), replacement.tokens("Oakland is in"));
var graph = replacement.attribute("Dallas is in");
