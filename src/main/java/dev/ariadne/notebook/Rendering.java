package dev.ariadne.notebook;

import dev.ariadne.display.Display;
import dev.ariadne.view.Displayable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * How objects of one type are shown, without a kernel's types.
 *
 * @param type the type; what implements or extends it is shown in the same way
 * @param bundle from the object to its forms, MIME type to content
 */
record Rendering<T>(Class<T> type, Function<T, Map<String, String>> bundle) {
    /** Returns the renderings whose types are on the class path. */
    static List<Rendering<?>> all() {
        List<Rendering<?>> all = new ArrayList<>();
        all.add(new Rendering<>(Displayable.class, Display::bundle));
        addIfThere(all, TableRendering::get);
        addIfThere(all, ChartRendering::get);
        return all;
    }

    private static void addIfThere(List<Rendering<?>> all, Supplier<Rendering<?>> rendering) {
        try {
            all.add(rendering.get());
        } catch (LinkageError e) {
            return; // a notebook without that library has nothing of it to show
        }
    }
}
