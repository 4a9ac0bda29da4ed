package dev.ariadne.display;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.View;
import dev.ariadne.view.WholeFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Pictures of anything displayable, as strings, bytes or files.
 *
 * <pre>{@code
 * Display.save(model.next("Dallas is in"), Path.of("next.svg"));
 * }</pre>
 */
public final class Display {
    private Display() {}

    /**
     * Writes HTML with inline styles only: no script, no style sheet, nothing from the network. Over the picture of a {@link TokenGraph} lies
     * a page of its own to explore it, where the reader lets scripts run.
     *
     * @param displayable what to show
     * @return a fragment, to be put into a page or a notebook
     */
    public static String html(Displayable displayable) {
        return HtmlWriter.write(displayable.view());
    }

    /**
     * Draws an SVG; the same view gives the same characters.
     *
     * @param displayable what to show
     * @return the document
     */
    public static String svg(Displayable displayable) {
        return SvgWriter.write(Scenes.of(displayable.view()));
    }

    /**
     * Paints a PNG at twice the size of the SVG.
     *
     * @param displayable what to show
     * @return the bytes of the file
     * @throws IllegalStateException when this JVM finds no font
     */
    public static byte[] png(Displayable displayable) {
        return ScenePainter.png(Scenes.of(displayable.view()), 2);
    }

    /**
     * Writes aligned text that can be compared line by line.
     *
     * @param displayable what to show
     * @return lines, each with its line break
     */
    public static String text(Displayable displayable) {
        return PlainText.write(displayable.view());
    }

    /**
     * Writes a graph in Graphviz's language.
     *
     * @param displayable whose view is a graph
     * @return the text of a .dot file
     * @throws IllegalArgumentException when it is something else
     */
    public static String dot(Displayable displayable) {
        return DotWriter.of(displayable.view());
    }

    /**
     * Draws with TikZ, for a LaTeX document that loads the package tikz; what is not Latin needs LuaLaTeX or XeLaTeX, and a font that has it.
     *
     * @param displayable what to show
     * @return a {@code tikzpicture}
     */
    public static String tikz(Displayable displayable) {
        return TikzWriter.write(Scenes.of(displayable.view()));
    }

    /**
     * Writes a table, a heat map, bars or tokens, or the edges of any graph, as comma-separated values with all their digits.
     *
     * @param displayable what to write
     * @return lines, the first of which names the columns
     * @throws IllegalArgumentException when it has no rows and columns
     */
    public static String csv(Displayable displayable) {
        return TableWriter.csv(displayable.view());
    }

    /**
     * Writes a table, a heat map, bars or tokens as a LaTeX {@code tabular}, with the digits that are shown.
     *
     * @param displayable what to write
     * @return the environment
     * @throws IllegalArgumentException when it has no rows and columns
     */
    public static String latex(Displayable displayable) {
        return TableWriter.latex(displayable.view());
    }

    /**
     * Writes what a view holds, with all digits, for other programs. "view" says which kind it is: "HeatMap", "Table", …; what is not a number
     * is a string, "NaN". To load a result again, save the result itself: circuits and attribution graphs have files of their own.
     *
     * @param displayable what to write
     * @return an object of JSON, with the fields of the view
     */
    public static String json(Displayable displayable) {
        return JsonWriter.write(displayable.view());
    }

    /**
     * Returns all forms that a notebook stores; its PNG has the size of the SVG, as readers show it pixel by pixel.
     *
     * @param displayable what to show
     * @return {@code text/html}, {@code image/png} in base64 and {@code text/plain}; without the picture where this
     *     JVM cannot paint because it has no font
     */
    public static Map<String, String> bundle(Displayable displayable) {
        var view = displayable.view(); // once: it may copy from a tensor
        Map<String, String> bundle = new LinkedHashMap<>();
        bundle.put("text/html", html(view));
        try {
            bundle.put("image/png", Base64.getEncoder().encodeToString(ScenePainter.png(Scenes.of(view), 1)));
        } catch (IllegalStateException e) {
            bundle.remove("image/png"); // HTML and text do not need a font
        }
        bundle.put("text/plain", text(view));
        return Collections.unmodifiableMap(bundle);
    }

    /**
     * Saves a picture; the ending of the name says which kind. An existing file is replaced only by a whole new one. A {@link TokenGraph} as
     * .html is a page to explore, in one file that loads nothing.
     *
     * @param displayable what to show
     * @param file a name that ends with .html, .svg, .png, .tikz, .txt or .json; for a table also .csv or .tex (LaTeX; anything else is drawn
     *     there, too), for a graph .csv (its edges) or .dot
     * @throws IOException if the file cannot be written
     */
    public static void save(Displayable displayable, Path file) throws IOException {
        Path absolute = file.toAbsolutePath();
        String name = String.valueOf(absolute.getFileName());
        byte[] content = content(displayable, name, file);
        Path folder = absolute.getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw new IOException("cannot save " + file + ": there is no folder " + folder + "; create it first");
        }
        WholeFile.write(absolute, temporary -> Files.write(temporary, content, StandardOpenOption.CREATE_NEW));
    }

    private static byte[] content(Displayable displayable, String name, Path file) {
        String ending = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
        return switch (ending) {
            case "html" -> utf8(page(displayable.view()));
            case "svg" -> utf8(svg(displayable));
            case "png" -> png(displayable);
            case "txt" -> utf8(text(displayable));
            case "dot" -> utf8(dot(displayable));
            case "tikz" -> utf8(tikz(displayable));
            case "tex" -> utf8(tex(displayable.view()));
            case "csv" -> utf8(csv(displayable));
            case "json" -> utf8(json(displayable));
            default ->
                throw new IllegalArgumentException("cannot save " + file
                        + ": the name must end with .html, .svg, .png, .tikz, .txt, .json, .csv, .tex or .dot");
        };
    }

    private static String tex(View view) {
        return TableWriter.isTable(view) ? latex(view) : tikz(view);
    }

    private static String page(View view) {
        if (view instanceof TokenGraph graph) {
            return ExplorerWriter.page(graph);
        }
        return "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"/><title>"
                + Glyphs.escape(Glyphs.visible(view.title()))
                + "</title></head>\n<body style=\"font-family:sans-serif\">" + html(view) + "</body></html>\n";
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
