package dev.ariadne.notebook;

import dev.ariadne.display.Display;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * How objects of one type are shown, without a kernel's types.
 *
 * @param type the type; what implements or extends it is shown in the same way
 * @param forms from the object to its forms: MIME type to content, made when asked for, empty where it cannot be made
 */
record Rendering<T>(Class<T> type, Function<T, Map<String, Supplier<Optional<String>>>> forms) {
    /** Returns the renderings whose types are on the class path. */
    static List<Rendering<?>> all() {
        List<Rendering<?>> all = new ArrayList<>();
        all.add(new Rendering<>(Displayable.class, Rendering::displayable));
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

    private static Map<String, Supplier<Optional<String>>> displayable(Displayable displayable) {
        View view = displayable.view(); // once for all forms: it may copy from a tensor
        Map<String, Supplier<Optional<String>>> forms = new LinkedHashMap<>();
        forms.put("text/html", () -> Optional.of(Display.html(view)));
        forms.put("image/png", () -> png(() -> Display.png(view)));
        forms.put("text/plain", () -> Optional.of(Display.text(view)));
        return forms;
    }

    /** Encodes a picture, or nothing where this JVM cannot paint because it has no font. */
    static Optional<String> png(Supplier<byte[]> painter) {
        try {
            return Optional.of(Base64.getEncoder().encodeToString(painter.get()));
        } catch (LinkageError | InternalError | NullPointerException e) { // the JDK's ways to miss fontconfig
            return Optional.empty();
        }
    }
}
