package dev.ariadne.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.display.Display;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Says what a model takes for the next token. */
@Command(
        name = "next",
        mixinStandardHelpOptions = true,
        description = "Show the most probable next tokens.",
        footer = {"", "Example: ariadne next tutorial \"Fact: the capital of the state containing Dallas is\""})
final class NextCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description =
                    "an embedded model's name (tutorial, gpt2-tiny, ...), a folder, a .gguf or .safetensors file, or a hub id")
    private String model = "";

    @Parameters(index = "1", paramLabel = "PROMPT", description = "the text")
    private String prompt = "";

    @Option(names = "-n", paramLabel = "N", description = "how many tokens (default: ${DEFAULT-VALUE})")
    private int count = 10;

    @Mixin
    private Printed printed = new Printed();

    @Override
    public Integer call() {
        try (HookedTransformer transformer = HookedTransformer.load(model);
                Logits logits = transformer.next(prompt)) {
            printed.print(
                    () -> count == 10
                            ? Display.text(logits)
                            : logits.table(count).print(),
                    () -> json(logits));
        }
        return 0;
    }

    private ObjectNode json(Logits logits) {
        ObjectNode object = Printed.object().put("model", model).put("prompt", prompt);
        ArrayNode tokens = object.putArray("tokens");
        for (Logits.Prediction one : logits.top(count)) {
            tokens.addObject()
                    .put("id", one.id())
                    .put("token", one.token())
                    .put("logit", one.logit())
                    .put("probability", one.probability());
        }
        return object;
    }
}
