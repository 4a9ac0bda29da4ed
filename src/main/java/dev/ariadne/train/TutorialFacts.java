package dev.ariadne.train;

import com.univocity.parsers.csv.CsvParser;
import com.univocity.parsers.csv.CsvParserSettings;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * What the tutorial model is taught: where places lie and what words mean. Read from three tables, strictly.
 *
 * @param regions states, provinces, territories and countries by name
 * @param cities the region of each place that is no capital
 * @param concepts meanings by their English word; each has an opposite among them
 */
public record TutorialFacts(Map<String, Region> regions, Map<String, String> cities, Map<String, Concept> concepts) {
    /** The languages, as columns of the table of adjectives. */
    public static final List<String> LANGUAGES = List.of("en", "fr", "zh");

    private static final String FOLDER = "/dev/ariadne/tutorial/";
    private static final String CHECKED = "checked"; // how a row was checked; kept beside the facts, not used

    /**
     * A state, province, territory or country.
     *
     * @param name as in a sentence
     * @param kind "state", "province", "territory" or "country"
     * @param capital a place
     * @param abbreviation its code
     */
    public record Region(String name, String kind, String capital, String abbreviation) {}

    /**
     * A meaning.
     *
     * @param name its English word
     * @param opposite the name of its opposite
     * @param words by language
     * @param synonyms another word by language, where there is one
     */
    public record Concept(String name, String opposite, Map<String, String> words, Map<String, String> synonyms) {
        /** Keeps the order of languages. */
        public Concept {
            words = Collections.unmodifiableMap(new LinkedHashMap<>(words));
            synonyms = Collections.unmodifiableMap(new LinkedHashMap<>(synonyms));
        }
    }

    /** Keeps the order of the tables. */
    public TutorialFacts {
        regions = Collections.unmodifiableMap(new LinkedHashMap<>(regions));
        cities = Collections.unmodifiableMap(new LinkedHashMap<>(cities));
        concepts = Collections.unmodifiableMap(new LinkedHashMap<>(concepts));
    }

    /** The facts that come with the library. */
    public static TutorialFacts embedded() {
        return read(file -> Objects.requireNonNull(TutorialFacts.class.getResourceAsStream(FOLDER + file), file));
    }

    /**
     * Reads regions.csv, cities.csv and adjectives.csv.
     *
     * @param folder where they are
     * @throws IllegalArgumentException when a column is missing, a name stands twice, or a table speaks of what no other knows
     * @throws UncheckedIOException when a file cannot be read
     */
    public static TutorialFacts read(Path folder) {
        return read(file -> Files.newInputStream(folder.resolve(file)));
    }

    /** The region of a place, capitals included, or of a region itself. */
    public String regionOf(String place) {
        String region = places().getOrDefault(place, place);
        if (!regions.containsKey(region)) {
            throw new IllegalArgumentException("no place or region '" + place + "' in the facts");
        }
        return region;
    }

    /** The region of each place, those that are no capitals first. */
    public Map<String, String> places() {
        Map<String, String> all = new LinkedHashMap<>(cities);
        regions.values().forEach(region -> all.put(region.capital(), region.name()));
        return all;
    }

    /** Opens one of the tables. */
    private interface Source {
        InputStream open(String file) throws IOException;
    }

    private static TutorialFacts read(Source source) {
        Map<String, Region> regions = new LinkedHashMap<>();
        Map<String, String> cities = new LinkedHashMap<>();
        Map<String, Concept> concepts = new LinkedHashMap<>();
        Unique names = new Unique();
        for (Row row : rows(source, "regions.csv", List.of("region", "kind", "capital", "abbreviation"))) {
            String kind = row.get("kind");
            if (!Set.of("state", "province", "territory", "country").contains(kind)) {
                throw row.wrong("kind '" + kind + "' is none of state, province, territory, country");
            }
            Region region = new Region(
                    names.claim(row, "region"), kind, names.claim(row, "capital"), names.claim(row, "abbreviation"));
            regions.put(region.name(), region);
        }
        for (Row row : rows(source, "cities.csv", List.of("city", "region"))) {
            if (!regions.containsKey(row.get("region"))) {
                throw row.wrong("region '" + row.get("region") + "' is not in regions.csv; add it there");
            }
            cities.put(names.claim(row, "city"), row.get("region"));
        }
        Set<String> empty = new HashSet<>(regions.keySet());
        empty.removeAll(cities.values());
        if (!empty.isEmpty()) {
            throw new IllegalArgumentException("cities.csv has no city of " + empty + "; add at least one of each");
        }
        readConcepts(source, concepts);
        return new TutorialFacts(regions, cities, concepts);
    }

    private static void readConcepts(Source source, Map<String, Concept> concepts) {
        List<String> columns = new ArrayList<>(List.of("concept", "opposite"));
        columns.addAll(LANGUAGES);
        LANGUAGES.forEach(language -> columns.add(language + "_synonym"));
        Unique words = new Unique();
        Map<String, Row> rows = new LinkedHashMap<>();
        for (Row row : rows(source, "adjectives.csv", columns)) {
            Map<String, String> own = new LinkedHashMap<>();
            Map<String, String> synonyms = new LinkedHashMap<>();
            for (String language : LANGUAGES) {
                own.put(language, words.claim(row, language));
                if (!row.value(language + "_synonym").isEmpty()) {
                    synonyms.put(language, words.claim(row, language + "_synonym"));
                }
            }
            String name = row.get("concept");
            if (rows.put(name, row) != null) {
                throw row.wrong("concept '" + name + "' stands twice");
            }
            concepts.put(name, new Concept(name, row.get("opposite"), own, synonyms));
        }
        concepts.forEach((name, concept) -> {
            Concept other = concepts.get(concept.opposite());
            if (other == null || !other.opposite().equals(name) || name.equals(concept.opposite())) {
                throw Objects.requireNonNull(rows.get(name))
                        .wrong("'" + concept.opposite() + "' must be another concept whose opposite is '" + name + "'");
            }
        });
    }

    /** Names of which each may stand once. */
    private static final class Unique {
        private final Map<String, Row> seen = new HashMap<>();

        String claim(Row row, String column) {
            String name = row.get(column);
            Row before = seen.putIfAbsent(name, row);
            if (before != null) {
                throw row.wrong(column + " '" + name + "' stands in line " + before.line + " of " + before.file
                        + ", too; a name is one token with one meaning, so leave one of them out");
            }
            return name;
        }
    }

    /** A line of a table. */
    private record Row(String file, long line, Map<String, String> values) {
        String value(String column) {
            return values.getOrDefault(column, "");
        }

        String get(String column) {
            if (value(column).isEmpty()) {
                throw wrong("column '" + column + "' is empty");
            }
            return value(column);
        }

        IllegalArgumentException wrong(String what) {
            return new IllegalArgumentException(file + ", line " + line + ": " + what);
        }
    }

    private static List<Row> rows(Source source, String file, List<String> columns) {
        CsvParserSettings settings = new CsvParserSettings();
        settings.setReadInputOnSeparateThread(false); // which may outlive the file
        settings.setSkipEmptyLines(false); // else lines are counted wrong
        settings.setLineSeparatorDetectionEnabled(true);
        List<String[]> lines;
        try (Reader in = new InputStreamReader(source.open(file), StandardCharsets.UTF_8)) {
            lines = new CsvParser(settings).parseAll(in);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read: " + e, e);
        }
        List<String> heading = lines.isEmpty() ? List.of() : Arrays.asList(lines.get(0));
        for (String column : columns) {
            if (!heading.contains(column)) {
                throw new IllegalArgumentException(file + " has no column '" + column + "', its first line is "
                        + heading + "; it needs " + columns + ", and may have '" + CHECKED + "'");
            }
        }
        List<Row> rows = new ArrayList<>();
        for (int i = 1; i < lines.size(); i++) {
            Map<String, String> values = new HashMap<>();
            String[] line = lines.get(i);
            for (int j = 0; j < line.length; j++) {
                if (line[j] != null && j < heading.size()) {
                    values.put(heading.get(j), line[j]);
                }
            }
            if (!values.isEmpty()) {
                rows.add(new Row(file, i + 1L, values));
            }
        }
        if (rows.isEmpty()) {
            throw new IllegalArgumentException(file + " has no rows below its heading; add at least one");
        }
        return rows;
    }
}
