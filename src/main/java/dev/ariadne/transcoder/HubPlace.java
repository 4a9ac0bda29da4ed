package dev.ariadne.transcoder;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A file or folder on the hub, written {@code org/name/path@revision}, or {@code hf://org/name/path?revision=revision}.
 *
 * @param repository "org/name", with "@revision" where there is one
 * @param path in it; empty for the repository itself
 */
record HubPlace(String repository, String path) {
    private static final Pattern PLAIN = Pattern.compile("([\\w.-]+/[\\w.-]+)((?:/[^@?#]*)?)(@[\\w.-]+)?");
    private static final Pattern URI = Pattern.compile("hf://([\\w.-]+/[\\w.-]+)(/[^?#]*)?(?:\\?revision=([\\w.-]*))?");
    private static final Pattern NAME = Pattern.compile("[\\p{Alnum}_][\\p{Alnum}._+-]*");

    /** Reads an address {@code hf://}; empty for anything else. */
    static Optional<HubPlace> of(String text) {
        Matcher uri = URI.matcher(text);
        if (!uri.matches()) {
            return Optional.empty();
        }
        String revision = uri.group(3) == null || uri.group(3).isEmpty() ? "" : "@" + uri.group(3);
        return path(uri.group(2)).map(path -> new HubPlace(uri.group(1) + revision, path));
    }

    /**
     * Reads either form.
     *
     * @throws IllegalArgumentException when the text is neither
     */
    static HubPlace parse(String text) {
        Matcher plain = PLAIN.matcher(text);
        Optional<HubPlace> place = plain.matches()
                ? path(plain.group(2))
                        .map(path ->
                                new HubPlace(plain.group(1) + (plain.group(3) == null ? "" : plain.group(3)), path))
                : of(text);
        return place.orElseThrow(() -> new IllegalArgumentException("'" + text
                + "' is neither a folder here nor a place on the hub; that is written org/name, org/name/folder or"
                + " org/name@revision"));
    }

    /** A path without empty parts; empty where a part is no plain name. */
    private static Optional<String> path(String text) {
        List<String> parts = Arrays.stream((text == null ? "" : text).split("/"))
                .filter(part -> !part.isEmpty())
                .toList();
        return parts.stream().allMatch(part -> NAME.matcher(part).matches())
                ? Optional.of(String.join("/", parts))
                : Optional.empty();
    }

    /** A file in this folder. */
    String file(String name) {
        return path.isEmpty() ? name : path + "/" + name;
    }
}
