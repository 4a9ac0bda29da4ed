package dev.ariadne.cli;

import dev.ariadne.circuit.Node;
import dev.ariadne.discovery.HeadImportance;
import dev.ariadne.discovery.NodeScores;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Head importance by the logit difference, as it is and normalized in each layer. */
final class HeadImportanceCheck implements Conformance.Check {
    private static final double TOLERANCE = 1e-4; // of the largest score

    @Override
    public boolean reads(String file) {
        return file.matches("edges/[^/]+/hisp_scores\\.csv");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path lens = folder.resolve("tl").resolve(file.split("/", -1)[1]);
        if (!Files.isDirectory(lens)) {
            throw new Conformance.Skip("its model is not there: " + folder.relativize(lens));
        }
        List<String> lines = Files.readAllLines(folder.resolve(file));
        try (HookedTransformer model = HookedTransformer.load(lens.toString(), "cpu");
                Reference data = new Reference(lens.resolve("acdc_data.safetensors"))) {
            Metric difference = Metric.logitDifference(data.longs("correct"), data.longs("wrong"));
            Task task =
                    Task.of(model, "reference", data.tokens("clean_tokens"), data.tokens("corrupt_tokens"), difference);
            List<NodeScores> columns = List.of(HeadImportance.raw(task), HeadImportance.of(task));
            comparison.same("the number of nodes", columns.get(0).scores().size(), lines.size() - 1);
            for (String line : lines.subList(1, lines.size())) {
                String[] cells = line.split(",", -1); // node, raw, normalized_in_layer
                Node node = Node.of(cells[0], model.config().nLayers());
                for (int i = 0; i < 2; i++) {
                    NodeScores scores = columns.get(i);
                    double largest = scores.score(scores.ranked().get(0));
                    comparison.add(
                            (i == 0 ? "raw " : "normalized ") + node,
                            Math.abs(scores.score(node) - Double.parseDouble(cells[1 + i])),
                            TOLERANCE * largest);
                }
            }
        }
    }
}
