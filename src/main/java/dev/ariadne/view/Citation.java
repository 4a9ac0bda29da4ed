package dev.ariadne.view;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
                "inproceedings{conmy2023acdc",
                "Towards Automated Circuit Discovery for Mechanistic Interpretability",
                "Conmy, Arthur and Mavor-Parker, Augustine N. and Lynch, Aengus and Heimersheim, Stefan and Garriga-Alonso, Adri{\\`a}",
                "Advances in Neural Information Processing Systems",
                2023,
                "2304.14997"),
        /** Edge attribution patching. */
        EAP(
                "article{syed2023attribution",
                "Attribution Patching Outperforms Automated Circuit Discovery",
                "Syed, Aaquib and Rager, Can and Conmy, Arthur",
                "arXiv preprint",
                2023,
                "2310.10348"),
        /** Edge attribution patching with integrated gradients. */
        EAP_IG(
                "article{hanna2024faith",
                "Have Faith in Faithfulness: Going Beyond Circuit Overlap When Finding Model Mechanisms",
                "Hanna, Michael and Pezzelle, Sandro and Belinkov, Yonatan",
                "arXiv preprint",
                2024,
                "2403.17806"),
        /** Head importance. */
        HISP(
                "inproceedings{michel2019sixteen",
                "Are Sixteen Heads Really Better than One?",
                "Michel, Paul and Levy, Omer and Neubig, Graham",
                "Advances in Neural Information Processing Systems",
                2019,
                "1905.10650"),
        /** Subnetwork probing. */
        SP(
                "inproceedings{cao2021subnetworks",
                "Low-Complexity Probing via Finding Subnetworks",
                "Cao, Steven and Sanh, Victor and Rush, Alexander M.",
                "Proceedings of NAACL",
                2021,
                "2104.03514");

        private final String bibtex;

        Paper(String key, String title, String authors, String where, int year, String arxiv) {
            String in = key.startsWith("article") ? "journal" : "booktitle";
            this.bibtex = "@" + key + ",\n  title = {" + title + "},\n  author = {" + authors + "},\n  " + in + " = {"
                    + where + "},\n  year = {" + year + "},\n  eprint = {" + arxiv
                    + "},\n  archivePrefix = {arXiv}\n}\n";
        }

        /** The entry for a BibTeX file. */
        public String bibtex() {
            return bibtex;
        }
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
