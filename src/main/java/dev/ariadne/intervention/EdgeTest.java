package dev.ariadne.intervention;

import dev.ariadne.transcoder.Feature;
import dev.ariadne.transcoder.Transcoders;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import tech.tablesaw.api.BooleanColumn;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/** Sets each parent of a graph, and other features in its stead, and reads off its children. */
final class EdgeTest {
    private static final double[] FACTORS = {-2, -1, 0, 2};
    private static final int OFF = 2; // where FACTORS is 0
    private static final int DRAWS = 10;

    private final InterventionGraph graph;
    private final Random random;
    private final Set<Feature> drawn = new HashSet<>();

    EdgeTest(InterventionGraph graph, long seed) {
        this.graph = graph;
        this.random = new Random(seed);
        graph.rows().forEach(row -> row.forEach(node -> drawn.addAll(node.features())));
    }

    Table table() {
        Table table = Table.create("arrows", StringColumn.create("parent"), StringColumn.create("child"));
        for (double factor : FACTORS) {
            table.addColumns(DoubleColumn.create("×" + (int) factor));
        }
        table.addColumns(
                DoubleColumn.create("control ×0"),
                DoubleColumn.create("control, largest change"),
                BooleanColumn.create("supported"));
        for (List<Supernode> row : graph.rows()) {
            for (Supernode parent : row) {
                if (!parent.features().isEmpty() && !parent.children().isEmpty()) {
                    test(parent, table);
                }
            }
        }
        return table;
    }

    private void test(Supernode parent, Table table) {
        double[] base = graph.defaultsOf(parent.name());
        List<List<Setting>> runs = new ArrayList<>();
        for (double factor : FACTORS) {
            List<Setting> settings = new ArrayList<>();
            for (int i = 0; i < base.length; i++) {
                settings.add(Setting.of(parent.features().get(i), factor * base[i]));
            }
            runs.add(settings);
        }
        for (int draw = 0; draw < DRAWS; draw++) {
            runs.add(others(parent.features(), base));
        }
        try (PatchedRun run = graph.patcher().nextOfAll(runs, graph.mode())) {
            for (Supernode child : parent.children()) {
                List<Feature> members = graph.node(child.name()).features();
                double[] before = graph.defaultsOf(child.name());
                double[] left = new double[runs.size()];
                for (int i = 0; i < left.length; i++) {
                    left[i] = InterventionGraph.fraction(run.activations(i, members), before);
                }
                append(table, parent.name(), child.name(), left);
            }
        }
    }

    private static void append(Table table, String parent, String child, double[] left) {
        table.stringColumn("parent").append(parent);
        table.stringColumn("child").append(child);
        double mean = 0;
        double most = 0;
        boolean supported = left[OFF] < 1;
        for (int i = 0; i < left.length; i++) {
            if (i < FACTORS.length) {
                table.doubleColumn(2 + i).append(left[i]);
            } else {
                mean += left[i] / DRAWS;
                most = Math.max(most, Math.abs(1 - left[i]));
                supported &= 1 - left[OFF] > 1 - left[i];
            }
        }
        table.doubleColumn("control ×0").append(mean);
        table.doubleColumn("control, largest change").append(most);
        table.booleanColumn("supported").append(supported);
    }

    /** Features at the same tokens of the same layers that belong to no supernode, each lowered by as much as a member is when it is off. */
    private List<Setting> others(List<Feature> members, double[] base) {
        Transcoders transcoders = graph.replacement().transcoders();
        List<Feature> others = new ArrayList<>();
        for (Feature member : members) {
            int width = transcoders.features(member.layer());
            Feature other = member;
            for (int tries = 0; tries < 100 && (drawn.contains(other) || others.contains(other)); tries++) {
                other = new Feature(member.layer(), member.position(), random.nextInt(width));
            }
            others.add(other);
        }
        double[] now = graph.patcher().clean().activations(others);
        List<Setting> settings = new ArrayList<>();
        for (int i = 0; i < now.length; i++) {
            settings.add(Setting.of(others.get(i), now[i] - base[i]));
        }
        return settings;
    }
}
