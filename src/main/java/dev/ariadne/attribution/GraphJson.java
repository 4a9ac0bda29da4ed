package dev.ariadne.attribution;

import dev.ariadne.transcoder.Feature;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.TokenGraph;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An attribution graph as it is published: the JSON that Neuronpedia and circuit-tracer write, schema version 1. Everything a file says is
 * here or in a {@code more}, so that what is read and written again means the same.
 *
 * <pre>{@code
 * GraphJson graph = GraphJson.read(Path.of("dallas.json"));
 * graph.with(url.annotations()).write(Path.of("dallas-with-supernodes.json"));
 * }</pre>
 *
 * <p>Two things are made better on reading. Errors get ids of their own, {@code error_layer_position}: files call the error of layer 3 at
 * position 5 "0_3_5", as they call feature 3 of layer 0 there, or "3_-1_5". And features of schema 0, whose number is layer times 100,000 plus index,
 * get the numbers and ids of schema 1. Where a link's source is a feature and an error at once, it is the feature, and {@code more} says
 * under "doubtful_links" how many such links there are. Unknown fields of links are left out.
 *
 * @param metadata what the graph is of
 * @param annotations what a reader added; {@code qParams} in the file
 * @param nodes features, errors, tokens and logits
 * @param links what pushes what
 * @param more what else the file says at its top level, by name
 */
public record GraphJson(
        Metadata metadata,
        Annotations annotations,
        List<Node> nodes,
        List<Link> links,
        Map<String, @Nullable Object> more)
        implements Displayable {
    /** Copies the lists, and checks that ids differ, positions exist, links join two nodes, once each, and nothing pushes itself. */
    public GraphJson {
        Objects.requireNonNull(metadata, "metadata");
        Objects.requireNonNull(annotations, "annotations");
        nodes = List.copyOf(nodes);
        links = List.copyOf(links);
        more = kept(more);
        GraphRules.check(metadata, nodes, links);
    }

    /**
     * A graph without annotations.
     *
     * @param metadata what it is of
     * @param nodes its nodes
     * @param links its links
     */
    public GraphJson(Metadata metadata, List<Node> nodes, List<Link> links) {
        this(metadata, Annotations.NONE, nodes, links, Map.of());
    }

    /**
     * What a graph is of.
     *
     * @param slug the graph's name: letters, digits, and {@code _ . -}
     * @param scan the model's name, where features are looked up
     * @param transcoderList the transcoders' names
     * @param promptTokens the prompt, token by token
     * @param prompt the prompt
     * @param nodeThreshold the share of influence that the nodes were pruned to, in [0, 1]; NaN where they were not
     * @param more what else the file says, by name: {@code title_prefix}, {@code info}, {@code feature_details}, {@code
     *     generation_settings}, {@code pruning_settings}
     */
    public record Metadata(
            String slug,
            String scan,
            List<String> transcoderList,
            List<String> promptTokens,
            String prompt,
            double nodeThreshold,
            Map<String, @Nullable Object> more) {
        /** Copies the lists and the map. */
        public Metadata {
            Objects.requireNonNull(slug, "slug");
            Objects.requireNonNull(scan, "scan");
            Objects.requireNonNull(prompt, "prompt");
            transcoderList = List.copyOf(transcoderList);
            promptTokens = List.copyOf(promptTokens);
            more = kept(more);
        }
    }

    /** What a node stands for. */
    public enum Kind {
        /** A feature of a transcoder, per-layer or cross-layer. */
        FEATURE("cross layer transcoder"),
        /** What the transcoder of a layer leaves out at one position. */
        ERROR("mlp reconstruction error"),
        /** The embedding of a prompt's token. */
        TOKEN("embedding"),
        /** An output token's logit, or another direction that was asked for. */
        LOGIT("logit"),
        /** A constant that no node pushes. */
        BIAS("bias"),
        /** A feature of an attention layer's replacement (low-rank sparse attention). */
        LORSA("lorsa"),
        /** What that replacement leaves out. */
        LORSA_ERROR("lorsa error");

        private final String type;

        Kind(String type) {
            this.type = type;
        }

        /** The name in files. */
        String type() {
            return type;
        }

        boolean isError() {
            return this == ERROR || this == LORSA_ERROR;
        }
    }

    /**
     * A node.
     *
     * @param id what links call it by
     * @param kind what it stands for
     * @param layer the block it is read in, from 0; -1 for tokens; for logits, above all others
     * @param position of the prompt's token, from 0
     * @param index of a feature, its number in its transcoder; of a token or a logit, the vocabulary's number; else -1
     * @param label what it is called; empty for none
     * @param probability of a logit's token; 0 for other nodes
     * @param target whether it is the logit that the graph is about
     * @param influence how much influence the nodes at least as influential hold together, in [0, 1]; NaN where nobody counted
     * @param activation of a feature; NaN for other nodes
     * @param more what else the file says, by name
     */
    public record Node(
            String id,
            Kind kind,
            int layer,
            int position,
            long index,
            String label,
            double probability,
            boolean target,
            double influence,
            double activation,
            Map<String, @Nullable Object> more) {
        /** Copies the map, and checks that numbers are possible. */
        public Node {
            Objects.requireNonNull(id, "id");
            Objects.requireNonNull(label, "label");
            boolean numbered = kind == Kind.FEATURE || kind == Kind.LOGIT;
            if (id.isEmpty() || layer < -1 || position < 0 || index < (numbered ? 0 : -1)) {
                throw new IllegalArgumentException("the node '" + id + "' must have an id, a layer from -1, a position"
                        + " from 0 and an index from 0, got layer " + layer + ", position " + position + ", index "
                        + index);
            }
            if ((kind == Kind.TOKEN) != (layer == -1)) {
                throw new IllegalArgumentException("the node '" + id + "' is a " + kind + " in layer " + layer
                        + "; tokens, and only they, are in layer -1");
            }
            if (Double.isInfinite(influence) || Double.isInfinite(activation) || !Double.isFinite(probability)) {
                throw new IllegalArgumentException("the node '" + id + "' must have finite numbers, got influence "
                        + influence + ", activation " + activation + ", probability " + probability);
            }
            more = more.isEmpty() ? Map.of() : kept(more);
        }

        private Node(String id, Kind kind, int layer, int position, long index, String label, double influence) {
            this(id, kind, layer, position, index, label, 0, false, influence, Double.NaN, Map.of());
        }

        /**
         * A feature that is active.
         *
         * @param feature which, and where
         * @param activation how much
         * @param influence cumulative, in [0, 1], or NaN
         * @param label what it is called; empty for none
         * @return the node "layer_index_position"
         */
        public static Node feature(Feature feature, double activation, double influence, String label) {
            return new Node(
                    feature.toString(),
                    Kind.FEATURE,
                    feature.layer(),
                    feature.position(),
                    feature.index(),
                    label,
                    0,
                    false,
                    influence,
                    activation,
                    Map.of());
        }

        /**
         * What a layer's transcoder leaves out.
         *
         * @param layer from 0
         * @param position from 0
         * @param influence cumulative, in [0, 1], or NaN
         * @return the node "error_layer_position"
         */
        public static Node error(int layer, int position, double influence) {
            return new Node("error_" + layer + "_" + position, Kind.ERROR, layer, position, -1, "", influence);
        }

        /**
         * A constant.
         *
         * @param layer where it acts, from 0
         * @param position from 0
         * @param influence cumulative, in [0, 1], or NaN
         * @return the node "bias_layer_position"
         */
        public static Node bias(int layer, int position, double influence) {
            return new Node("bias_" + layer + "_" + position, Kind.BIAS, layer, position, -1, "", influence);
        }

        /**
         * A token of the prompt.
         *
         * @param tokenId the vocabulary's number
         * @param position from 0
         * @param text the token
         * @param influence cumulative, in [0, 1], or NaN
         * @return the node "E_token_position"
         */
        public static Node token(int tokenId, int position, String text, double influence) {
            String label = "Emb: \"" + text + "\"";
            return new Node("E_" + tokenId + "_" + position, Kind.TOKEN, -1, position, tokenId, label, influence);
        }

        /**
         * An output token.
         *
         * @param nLayers how many blocks the model has
         * @param position of the prompt's last token
         * @param tokenId the vocabulary's number, or a virtual one for a direction
         * @param text the token, or what the direction is called
         * @param probability the model's
         * @param target whether the graph is about it
         * @return the node "layer_token_position", in layer {@code nLayers + 1}
         */
        public static Node logit(
                int nLayers, int position, long tokenId, String text, double probability, boolean target) {
            int layer = nLayers + 1;
            return new Node(
                    layer + "_" + tokenId + "_" + position,
                    Kind.LOGIT,
                    layer,
                    position,
                    tokenId,
                    String.format(Locale.ROOT, "Output \"%s\" (p=%.3f)", text, probability),
                    probability,
                    target,
                    Double.NaN,
                    Double.NaN,
                    Map.of());
        }
    }

    /**
     * What one node pushes another by.
     *
     * @param source the id of the node that pushes
     * @param target the id of the node that is pushed
     * @param weight the contribution to the target's pre-activation or logit, signed, not normalized
     */
    public record Link(String source, String target, double weight) {}

    /**
     * Returns the same graph with other annotations.
     *
     * @param other what a reader added
     * @return a copy
     */
    public GraphJson with(Annotations other) {
        return new GraphJson(metadata, other, nodes, links, more);
    }

    /**
     * Returns what a node is called: the reader's label, else the file's.
     *
     * @param node one of the nodes
     * @return the label, empty for none
     */
    public String label(Node node) {
        Optional<String> given = annotations.label(node);
        return given.orElse(node.label());
    }

    /**
     * Returns the same graph with what was added to it in a browser, as the buttons "copy JSON" and "save JSON" of its page give it.
     *
     * @param json the text
     * @return a copy
     * @throws IllegalArgumentException when it is of another graph, or damaged
     */
    public GraphJson annotated(String json) {
        return with(GraphView.annotations(this, json));
    }

    /**
     * Keeps the most influential nodes that hold a share of the influence together, tokens, logits, and nodes of which nobody counted it;
     * with the links between them.
     *
     * @param share in [0, 1]: nodes whose cumulative influence is above it go, as with the slider of the graph's page
     * @return a smaller graph, with the share as its node threshold
     */
    public GraphJson prune(double share) {
        if (!(share >= 0 && share <= 1)) {
            throw new IllegalArgumentException("the share of influence to keep must be from 0 to 1, got " + share);
        }
        List<Node> kept = nodes.stream()
                .filter(node -> node.kind() == Kind.TOKEN || node.kind() == Kind.LOGIT || !(node.influence() > share))
                .toList();
        Set<String> ids = kept.stream().map(Node::id).collect(Collectors.toSet());
        List<Link> between = links.stream()
                .filter(link -> ids.contains(link.source()) && ids.contains(link.target()))
                .toList();
        Metadata pruned = new Metadata(
                metadata.slug(),
                metadata.scan(),
                metadata.transcoderList(),
                metadata.promptTokens(),
                metadata.prompt(),
                metadata.nodeThreshold() < share ? metadata.nodeThreshold() : share,
                metadata.more());
        return new GraphJson(pruned, annotations, kept, between, more);
    }

    /**
     * What supernodes push each other by.
     *
     * @param source a supernode's name, or that of a pinned node outside of them
     * @param target another
     * @param weight the links from members of the one to members of the other, added up
     * @param share of all that the target's members get from outside, sizes added up, from 0 to 1
     */
    public record SupernodeLink(String source, String target, double weight, double share) {}

    /** The links between supernodes and pinned nodes, the strongest first; those inside a supernode are left out. */
    public List<SupernodeLink> supernodeLinks() {
        return SupernodeLinks.of(this);
    }

    /** How much of this graph its features explain. */
    public GraphScores scores() {
        return GraphScores.of(this, List.of());
    }

    /**
     * How much some of the features explain: what the others give counts as error.
     *
     * @param kept ids of nodes, such as {@code annotations().pinnedIds()}; others than features' say nothing
     * @throws IllegalArgumentException when the graph has no such node, or has features of attention
     */
    public GraphScores scores(Collection<String> kept) {
        return GraphScores.of(this, kept);
    }

    /**
     * Compares with another graph: of another prompt, or by another model.
     *
     * @param other the second graph
     * @return what is in either, and how it differs
     */
    public GraphComparison compare(GraphJson other) {
        return GraphComparison.of(this, other);
    }

    /** Returns the graph to be explored, by layer and token. */
    @Override
    public TokenGraph view() {
        return view(Map.of());
    }

    /**
     * Returns the graph to be explored, with a card for features.
     *
     * @param cards by layer and index of the feature: "20_15589"; those of features that are no nodes here are left out
     * @return the view
     */
    public TokenGraph view(Map<String, ? extends Displayable> cards) {
        return GraphView.of(this, cards);
    }

    /**
     * Reads a graph.
     *
     * @param file a {@code .json} of schema version 0 or 1
     * @throws IOException if the file cannot be read, or is no graph: the message names the place, the value and the rule
     */
    public static GraphJson read(Path file) throws IOException {
        return GraphReader.read(file);
    }

    /**
     * Writes the graph; an existing file is replaced only by a whole new one.
     *
     * @param file to write to
     * @throws IOException if it cannot be written
     */
    public void write(Path file) throws IOException {
        GraphWriter.write(this, file);
    }

    /**
     * Writes the graph as {@code SLUG.json} into a folder that a front end reads, and lists it in the folder's {@code
     * graph-metadata.json}, in the place of another of that name.
     *
     * @param folder that exists
     * @return the graph's file
     * @throws IOException if a file cannot be written, or the list that is there is damaged
     */
    public Path publish(Path folder) throws IOException {
        return GraphIndex.publish(this, folder);
    }

    /**
     * Reads which graphs a folder has published.
     *
     * @param folder with a {@code graph-metadata.json}
     * @return what each is of, in the order of the list; empty where there is no list
     * @throws IOException if the list cannot be read or is damaged
     */
    public static List<Metadata> published(Path folder) throws IOException {
        return GraphIndex.read(folder);
    }

    @Override
    public String toString() {
        return "GraphJson[" + metadata.slug() + ", " + nodes.size() + " nodes, " + links.size() + " links]";
    }

    private static Map<String, @Nullable Object> kept(Map<String, @Nullable Object> more) {
        return Collections.unmodifiableMap(new LinkedHashMap<>(more));
    }
}
