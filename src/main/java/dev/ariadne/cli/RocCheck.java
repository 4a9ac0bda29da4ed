package dev.ariadne.cli;

import dev.ariadne.circuit.RocCurve;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Areas under the curves of published runs. */
final class RocCheck implements Conformance.Check {
    private static final double TOLERANCE = 1e-6;
    private static final int KEY = 5; // columns that name a run: weights, ablation, task, metric, method

    @Override
    public boolean reads(String file) {
        return file.equals("roc/roc_auc_expected.csv");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Map<String, List<RocCurve.Point>> points = new LinkedHashMap<>();
        List<String> lines = Files.readAllLines(folder.resolve("roc/roc_points.csv"));
        List<String> names = Arrays.asList(lines.get(0).split(",", -1));
        for (String line : lines.subList(1, lines.size())) {
            String[] cells = line.split(",", -1);
            for (String level : List.of("edge", "node")) {
                points.computeIfAbsent(run(cells, level), run -> new ArrayList<>())
                        .add(new RocCurve.Point(
                                cells[names.indexOf("threshold_or_score")],
                                Double.parseDouble(cells[names.indexOf(level + "_fpr")]),
                                Double.parseDouble(cells[names.indexOf(level + "_tpr")])));
            }
        }
        List<String> expected = Files.readAllLines(folder.resolve(file));
        for (String line : expected.subList(1, expected.size())) { // …, level, n_points, auc
            String[] cells = line.split(",", -1);
            String run = run(cells, cells[KEY]);
            List<RocCurve.Point> some = points.getOrDefault(run, List.of());
            comparison.same("points of " + run, some.size(), Integer.parseInt(cells[KEY + 1]));
            double auc = new RocCurve(run, some).auc();
            comparison.add(run, Math.abs(auc - Double.parseDouble(cells[KEY + 2])), TOLERANCE);
        }
    }

    private static String run(String[] cells, String level) {
        return String.join(" ", Arrays.copyOf(cells, KEY)) + " " + level;
    }
}
