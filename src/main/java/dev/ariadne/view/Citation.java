package dev.ariadne.view;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a write-up needs to name a result: how it was had, from what, and the papers whose methods it was had by.
 *
 * @param title the result
 * @param facts model, hash of its weights, prompts, settings, version, in the order shown
 * @param papers whose methods were used
 */
public record Citation(String title, Map<String, String> facts, List<Paper> papers) implements Displayable {
    /** Copies both. */
    public Citation {
        facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
        papers = List.copyOf(papers);
    }

    /** The papers whose methods this library has. */
    public enum Paper {
        /** ACDC. */
        ACDC(
                "ACDC",
                "inproceedings{conmy2023acdc",
                "Towards Automated Circuit Discovery for Mechanistic Interpretability",
                "Conmy, Arthur and Mavor-Parker, Augustine N. and Lynch, Aengus and Heimersheim, Stefan and Garriga-Alonso, Adri{\\`a}",
                "Advances in Neural Information Processing Systems",
                2023,
                "2304.14997"),
        /** Edge attribution patching. */
        EAP(
                "EAP",
                "article{syed2023attribution",
                "Attribution Patching Outperforms Automated Circuit Discovery",
                "Syed, Aaquib and Rager, Can and Conmy, Arthur",
                "arXiv preprint",
                2023,
                "2310.10348"),
        /** Edge attribution patching with integrated gradients. */
        EAP_IG(
                "EAP-IG",
                "article{hanna2024faith",
                "Have Faith in Faithfulness: Going Beyond Circuit Overlap When Finding Model Mechanisms",
                "Hanna, Michael and Pezzelle, Sandro and Belinkov, Yonatan",
                "arXiv preprint",
                2024,
                "2403.17806"),
        /** Head importance. */
        HISP(
                "HISP",
                "inproceedings{michel2019sixteen",
                "Are Sixteen Heads Really Better than One?",
                "Michel, Paul and Levy, Omer and Neubig, Graham",
                "Advances in Neural Information Processing Systems",
                2019,
                "1905.10650"),
        /** Subnetwork probing. */
        SP(
                "SP",
                "inproceedings{cao2021subnetworks",
                "Low-Complexity Probing via Finding Subnetworks",
                "Cao, Steven and Sanh, Victor and Rush, Alexander M.",
                "Proceedings of NAACL",
                2021,
                "2104.03514"),
        /** Transcoders. */
        TRANSCODERS(
                "transcoders",
                "inproceedings{dunefsky2024transcoders",
                "Transcoders Find Interpretable {LLM} Feature Circuits",
                "Dunefsky, Jacob and Chlenski, Philippe and Nanda, Neel",
                "Advances in Neural Information Processing Systems",
                2024,
                "2406.11944"),
        /** Attribution graphs. */
        CIRCUIT_TRACING(
                "attribution graph",
                "article{ameisen2025circuit",
                "Circuit Tracing: Revealing Computational Graphs in Language Models",
                "Ameisen, Emmanuel and Lindsey, Jack and Pearce, Adam and Gurnee, Wes and Turner, Nicholas L. and Chen, Brian"
                        + Thread2025.OTHERS,
                "Transformer Circuits Thread",
                2025,
                "https://transformer-circuits.pub/2025/attribution-graphs/methods.html"),
        /** Interventions on supernodes. */
        BIOLOGY(
                "supernodes",
                "article{lindsey2025biology",
                "On the Biology of a Large Language Model",
                "Lindsey, Jack and Gurnee, Wes and Ameisen, Emmanuel and Chen, Brian and Pearce, Adam and Turner, Nicholas L."
                        + Thread2025.OTHERS,
                "Transformer Circuits Thread",
                2025,
                "https://transformer-circuits.pub/2025/attribution-graphs/biology.html"),
        /** Weight-sparse transformers. */
        WEIGHT_SPARSE(
                "pruning of weights",
                "article{gao2025weightsparse",
                "Weight-sparse transformers have interpretable circuits",
                "Gao, Leo and Rajaram, Achyuta and Coxon, Jacob and Govande, Soham V. and Baker, Bowen and Mossing, Dan",
                "arXiv preprint",
                2025,
                "2511.13653");

        private final String method;
        private final String bibtex;

        /** The authors that two papers of one group share: a constant of the enumeration itself comes too late for its values. */
        private static final class Thread2025 {
            static final String OTHERS =
                    " and Citro, Craig and Abrahams, David and Carter, Shan and Hosmer, Basil and Marcus, Jonathan and Sklar,"
                            + " Michael and Templeton, Adly and Bricken, Trenton and McDougall, Callum and Cunningham, Hoagy and"
                            + " Henighan, Thomas and Jermyn, Adam and Jones, Andy and Persic, Andrew and Qi, Zhenyi and Thompson, T. Ben"
                            + " and Zimmerman, Sam and Rivoire, Kelley and Conerly, Thomas and Olah, Chris and Batson, Joshua";
        }

        Paper(String method, String key, String title, String authors, String where, int year, String place) {
            this.method = method;
            String in = key.startsWith("article") ? "journal" : "booktitle";
            String link = place.startsWith("https:")
                    ? "url = {" + place + "}"
                    : "eprint = {" + place + "},\n  archivePrefix = {arXiv}";
            this.bibtex = "@" + key + ",\n  title = {" + title + "},\n  author = {" + authors + "},\n  " + in + " = {"
                    + where + "},\n  year = {" + year + "},\n  " + link + "\n}\n";
        }

        /** The papers of a method, as a provenance names it: "EAP-IG, 5 steps". */
        public static List<Paper> of(String method) {
            return Arrays.stream(values())
                    .filter(paper -> method.startsWith(paper.method))
                    .toList();
        }

        /** The entry for a BibTeX file. */
        public String bibtex() {
            return bibtex;
        }
    }

    /** This library's version, as its jar says; "development" for classes that come from no jar. */
    public static String libraryVersion() {
        return Optional.ofNullable(Citation.class.getPackage().getImplementationVersion())
                .orElse("development");
    }

    /** The entries for a BibTeX file, this library's first. */
    public String bibtex() {
        String version = facts.getOrDefault("version", "");
        List<String> entries = new ArrayList<>();
        entries.add(
                "@software{ariadne,\n  title = {Ariadne: follow the thread through a transformer, in a Java notebook},\n"
                        + "  author = {{The Ariadne developers}},\n  version = {" + version + "}\n}\n");
        papers.forEach(paper -> entries.add(paper.bibtex()));
        return String.join("\n", entries);
    }

    @Override
    public View view() {
        return new View.Panels(title, List.of(new View.Facts("", facts), new View.Text("BibTeX", bibtex())));
    }
}
