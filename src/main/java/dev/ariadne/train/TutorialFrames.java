package dev.ariadne.train;

import java.util.List;
import java.util.Map;
import java.util.Objects;

/** How words are asked about in three languages: what stands before the quoted word has three tokens, what follows it one. */
final class TutorialFrames {
    private static final Map<String, String> IS = Map.of("en", " is ", "fr", " est ", "zh", "是");
    private static final Map<String, List<String>> OPPOSITE = Map.of(
            "en", List.of("The opposite of ", "An antonym of ", "The contrary of "),
            "fr", List.of("Le contraire de ", "L'opposé de ", "Un antonyme de "),
            "zh", List.of("反义词:", "相反词:", "对立词:"));
    private static final Map<String, List<String>> SYNONYM = Map.of(
            "en", List.of("A synonym of ", "Another word for ", "An equivalent of "),
            "fr", List.of("Un synonyme de ", "Un équivalent de ", "Le semblable de "),
            "zh", List.of("同义词:", "近似词:", "类同词:"));
    private static final Map<String, List<String>> TRANSLATION = Map.of(
            "en", List.of("English word for ", "English term for ", "English name of "),
            "fr", List.of("Mot français pour ", "Terme français pour ", "Nom français de "),
            "zh", List.of("中文词:", "汉语词:", "华语词:"));

    private TutorialFrames() {}

    /** How many ways there are to ask for an opposite. */
    static int opposites(String language) {
        return language.equals("zh") ? 4 : 3;
    }

    /** Asks for the opposite; the fourth frame of Chinese is the usual order there, in which the word stands before the question. */
    static String opposite(String language, int frame, String word) {
        return frame == 3 ? '"' + word + "\"的反义词是\"" : ask(OPPOSITE, language, frame, word);
    }

    static String synonym(String language, int turn, String word) {
        return ask(SYNONYM, language, turn % 3, word);
    }

    static String translation(String language, int turn, String word) {
        return ask(TRANSLATION, language, turn % 3, word);
    }

    private static String ask(Map<String, List<String>> frames, String language, int frame, String word) {
        String before = Objects.requireNonNull(frames.get(language)).get(frame);
        return before + '"' + word + '"' + IS.get(language) + '"';
    }
}
