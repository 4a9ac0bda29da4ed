package dev.ariadne.display;

import dev.ariadne.view.SupernodeGraph;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.View;
import dev.ariadne.view.View.Bars;
import dev.ariadne.view.View.Facts;
import dev.ariadne.view.View.Graph;
import dev.ariadne.view.View.HeatMap;
import dev.ariadne.view.View.Panels;
import dev.ariadne.view.View.Table;
import dev.ariadne.view.View.Text;
import dev.ariadne.view.View.Tokens;
import java.util.ArrayList;
import java.util.List;

/** Chooses the layout of a view. */
final class Scenes {
    private Scenes() {}

    static Scene of(View view) {
        if (view instanceof HeatMap map) {
            return MapScene.of(map);
        } else if (view instanceof Table table) {
            return TableScene.of(table.title(), Grid.of(table));
        } else if (view instanceof Facts facts) {
            return TableScene.of(facts.title(), Grid.of(facts));
        } else if (view instanceof Bars bars) {
            return TableScene.of(bars.title(), Grid.of(bars));
        } else if (view instanceof Text text) {
            return TableScene.of(text);
        } else if (view instanceof Tokens tokens) {
            return TableScene.of(tokens);
        } else if (view instanceof Graph graph) {
            return GraphScene.of(graph);
        } else if (view instanceof SupernodeGraph graph) {
            return SupernodeScene.of(graph);
        } else if (view instanceof TokenGraph graph) {
            return TokenGraphScene.of(graph);
        } else if (view instanceof Panels panels) {
            return panels(panels);
        }
        throw new AssertionError("unhandled view " + view);
    }

    private static Scene panels(Panels panels) {
        List<List<View>> groups = groups(panels);
        if (groups.size() == 1 && groups.get(0).get(0) instanceof HeatMap) {
            return MapScene.of(panels.title(), maps(groups.get(0)));
        }
        Scene scene = new Scene();
        if (!panels.title().isBlank()) {
            scene.heading(panels.title(), "", 720);
        }
        for (List<View> group : groups) {
            scene.below(group.get(0) instanceof HeatMap ? MapScene.of("", maps(group)) : of(group.get(0)));
        }
        scene.include(2 * Scene.PAD, 2 * Scene.PAD); // an empty list of panels is an empty card
        return scene;
    }

    /** Splits panels into runs of heat maps that can share a color scale, and single other views. */
    static List<List<View>> groups(Panels panels) {
        List<List<View>> groups = new ArrayList<>();
        for (View view : panels.panels()) {
            List<View> last = groups.isEmpty() ? List.of() : groups.get(groups.size() - 1);
            if (!last.isEmpty() && sameScale(last.get(0), view)) {
                last.add(view);
            } else {
                groups.add(new ArrayList<>(List.of(view)));
            }
        }
        return groups;
    }

    static List<HeatMap> maps(List<View> group) {
        return group.stream().map(HeatMap.class::cast).toList();
    }

    private static boolean sameScale(View a, View b) {
        return a instanceof HeatMap first
                && b instanceof HeatMap second
                && !MapScene.empty(first)
                && !MapScene.empty(second)
                && first.scale() == second.scale()
                && first.unit().equals(second.unit())
                && first.texts().isEmpty() // small cells have no room for them
                && second.texts().isEmpty();
    }
}
