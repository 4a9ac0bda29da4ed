package dev.ariadne.task;

import dev.ariadne.model.HookedTransformer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Tasks about names of people and places. */
final class NameTasks {
    private static final List<String> WOMEN = Prompts.words(
            "Mary Anna Alice Emma Sarah Laura Lisa Julia Kate Jane Susan Amy Emily Linda Karen Helen Lucy Maria Rachel Ruth"
                    + " Jessica Nancy Claire Diana Sophie Elizabeth Martha Carol Rose Grace");
    private static final List<String> MEN = Prompts.words(
            "John Tom James Paul Mark David Peter Robert Michael George Henry Frank Jack Adam Simon Kevin Brian Andrew Daniel"
                    + " Steven Martin Thomas William Richard Charles Joseph Edward Eric Scott Matthew");
    private static final List<String> PLACES = Prompts.words(
            "park store school office station garden hospital market church hotel library museum beach restaurant airport bar");
    private static final List<String> THINGS = Prompts.words(
            "book ring letter phone ticket flower key map card bag coat camera cup box photo picture knife bottle");
    private static final List<String> TWO_NAMES = List.of(
            "When %1$s and %2$s came back from the %4$s, %3$s gave a %5$s to",
            "After %1$s and %2$s sat down in the %4$s, %3$s handed a %5$s to",
            "While %1$s and %2$s were waiting at the %4$s, %3$s passed a %5$s to",
            "Once %1$s and %2$s had arrived at the %4$s, %3$s offered a %5$s to",
            "Since %1$s and %2$s often met at the %4$s, %3$s brought a %5$s to",
            "As %1$s and %2$s were leaving the old %4$s, %3$s sold a %5$s to");
    private static final List<String> ONE_NAME = List.of(
            "Today %1$s stayed at home because",
            "Yesterday %1$s left the party because",
            "Then %1$s went to bed because",
            "Later %1$s called the doctor because");
    private static final List<String> COUNTRY =
            List.of("The capital of %1$s is the city of", "The capital city of %1$s is called");
    private static final Map<String, String> CAPITALS = capitals();

    private NameTasks() {}

    private static Map<String, String> capitals() {
        Map<String, String> capitals = new LinkedHashMap<>();
        for (String pair : Prompts.words("France/Paris Germany/Berlin Italy/Rome Spain/Madrid Japan/Tokyo China/Beijing"
                + " Russia/Moscow England/London Ireland/Dublin Scotland/Edinburgh Austria/Vienna Greece/Athens Poland/Warsaw"
                + " Portugal/Lisbon Norway/Oslo Sweden/Stockholm Finland/Helsinki Denmark/Copenhagen Belgium/Brussels"
                + " Hungary/Budapest Ukraine/Kiev Turkey/Ankara Egypt/Cairo Iran/Tehran Iraq/Baghdad Syria/Damascus"
                + " Lebanon/Beirut Israel/Jerusalem Jordan/Amman India/Delhi Pakistan/Islamabad Bangladesh/Dhaka"
                + " Nepal/Kathmandu Thailand/Bangkok Vietnam/Hanoi Philippines/Manila Indonesia/Jakarta Australia/Canberra"
                + " Canada/Ottawa Cuba/Havana Peru/Lima Chile/Santiago Kenya/Nairobi Afghanistan/Kabul"
                + " Netherlands/Amsterdam Libya/Tripoli Morocco/Rabat Colombia/Bogota Serbia/Belgrade")) {
            String[] both = pair.split("/", -1);
            capitals.put(both[0], both[1]);
        }
        return capitals;
    }

    static Task ioi(HookedTransformer model, int n, long seed) {
        Prompts prompts = new Prompts(model, "ioi", n, seed);
        List<String> all = new ArrayList<>(WOMEN);
        all.addAll(MEN);
        List<String> names = prompts.singles("names", 5, " ", all);
        List<String> places = prompts.singles("places", 1, " ", PLACES);
        List<String> things = prompts.singles("things", 1, " ", THINGS);
        List<String> templates =
                prompts.templates(TWO_NAMES, names.get(0), names.get(1), names.get(0), places.get(0), things.get(0));
        while (prompts.wantsMore()) {
            List<String> five = prompts.draw(names, 5); // the one who gets, the one who gives, and three others
            String template = prompts.oneOf(templates);
            String place = prompts.oneOf(places);
            String thing = prompts.oneOf(things);
            boolean giverFirst = prompts.random.nextBoolean();
            String clean = template.formatted(
                    five.get(giverFirst ? 1 : 0), five.get(giverFirst ? 0 : 1), five.get(1), place, thing);
            String corrupted = template.formatted(five.get(2), five.get(3), five.get(4), place, thing);
            prompts.add(clean, corrupted, new long[] {prompts.single(" " + five.get(0))}, new long[] {
                prompts.single(" " + five.get(1))
            });
        }
        return prompts.task();
    }

    static Task genderPronoun(HookedTransformer model, int n, long seed) {
        Prompts prompts = new Prompts(model, "gender pronoun", n, seed);
        List<String> women = prompts.singles("women's names", 1, " ", WOMEN);
        List<String> men = prompts.singles("men's names", 1, " ", MEN);
        List<String> templates = prompts.templates(ONE_NAME, women.get(0));
        long[] she = {prompts.single(" she")};
        long[] he = {prompts.single(" he")};
        while (prompts.wantsMore()) {
            String template = prompts.oneOf(templates);
            String woman = template.formatted(prompts.oneOf(women));
            String man = template.formatted(prompts.oneOf(men));
            if (prompts.random.nextBoolean()) {
                prompts.add(woman, man, she, he);
            } else {
                prompts.add(man, woman, he, she);
            }
        }
        return prompts.task();
    }

    static Task countryCapital(HookedTransformer model, int n, long seed) {
        Prompts prompts = new Prompts(model, "country capital", n, seed);
        List<String> known = prompts.singles("countries", 2, " ", List.copyOf(CAPITALS.keySet()));
        List<String> capitals = prompts.singles(
                "capitals", 2, " ", known.stream().map(CAPITALS::get).toList());
        List<String> countries = known.stream()
                .filter(country -> capitals.contains(CAPITALS.get(country)))
                .toList();
        List<String> templates = prompts.templates(COUNTRY, countries.get(0));
        while (prompts.wantsMore()) {
            List<String> two = prompts.draw(countries, 2);
            String template = prompts.oneOf(templates);
            prompts.add(
                    template.formatted(two.get(0)),
                    template.formatted(two.get(1)),
                    new long[] {prompts.single(" " + CAPITALS.get(two.get(0)))},
                    new long[] {prompts.single(" " + CAPITALS.get(two.get(1)))});
        }
        return prompts.task();
    }
}
