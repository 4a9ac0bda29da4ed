"""The peer of bench/attribution: circuit-tracer on the same weights and transcoders. attribution_peer.py DATA_FOLDER.

Prints lines as AttributionBench.java does: CPU seconds of the whole process, and its peak memory.
"""

import resource
import sys
import time
from pathlib import Path
from statistics import median

import torch
from circuit_tracer import attribute
from circuit_tracer.graph import compute_graph_scores, prune_graph
from circuit_tracer.replacement_model.replacement_model_transformerlens import TransformerLensReplacementModel
from circuit_tracer.transcoder.activation_functions import TopK
from circuit_tracer.transcoder.single_layer_transcoder import SingleLayerTranscoder, TranscoderSet
from safetensors.torch import load_file
from transformer_lens import HookedTransformerConfig

from peer import gpt2_weights, lens_gpt2

REPEATS = 3
ACTIVE = 34


class Tokens:
    """What is asked of a tokenizer."""

    all_special_ids = [17]  # the prompt begins with a token that is taken for special: none is put in front
    vocab_size = 50257
    padding_side = "right"

    def decode(self, ids, **_):
        return str(ids)


def line(name, value, unit):
    print(f"{name}\t{value:.6g}\t{unit}", flush=True)


def transcoders(folder):
    layers = {}
    for index, file in enumerate(sorted(folder.glob("layer_*.safetensors"), key=lambda f: int(f.stem[6:]))):
        arrays = load_file(file)
        features, width = arrays["W_enc"].shape
        cpu = torch.device("cpu")
        layers[index] = SingleLayerTranscoder(width, features, TopK(ACTIVE), index, device=cpu, dtype=torch.float32)
        with torch.no_grad():
            for name in ("W_enc", "b_enc", "W_dec", "b_dec"):
                getattr(layers[index], name).copy_(arrays[name])
    return TranscoderSet(layers, feature_input_hook="mlp.hook_in", feature_output_hook="mlp.hook_out", scan="bench")


def load(data):
    config, weights = gpt2_weights(data / "gpt2")
    settings, state = lens_gpt2(config, weights)
    settings = HookedTransformerConfig(device="cpu", init_weights=False, dtype=torch.float32, **settings)
    model = TransformerLensReplacementModel.from_config(settings, transcoders(data / "gpt2-transcoders"))
    names = {name.replace(".old_mlp.", ".").replace(".old_unembed.", "."): name for name in model.state_dict()}
    _, unknown = model.load_state_dict({names[n]: t.contiguous() for n, t in state.items()}, strict=False)
    assert not unknown, unknown
    model.tokenizer = Tokens()
    return model


def main():
    torch.set_num_threads(1)
    model = load(Path(sys.argv[1]))
    prompt = (17 + 7919 * torch.arange(10)) % 50257
    graphs, prunings = [], []
    for repeat in range(REPEATS):
        start = time.process_time()
        graph = attribute(prompt, model, batch_size=64)
        made = time.process_time()
        mask = prune_graph(graph)
        pruned = time.process_time()
        graphs.append(made - start)
        prunings.append(pruned - made)
        if repeat == 0:
            line("attribution/gpt2/active-features", len(graph.active_features), "")
            line("attribution/gpt2/edges", int((graph.adjacency_matrix != 0).sum()), "")
            line("attribution/gpt2/kept-edges", int(mask.edge_mask.sum()), "")
            line("attribution/gpt2/replacement-score", compute_graph_scores(graph)[0], "")
    line("attribution/gpt2/graph", median(graphs), "CPU s")
    line("attribution/gpt2/pruning", median(prunings), "CPU s")
    line("attribution/gpt2/peak-memory-of-the-process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, "GB")


if __name__ == "__main__":
    main()
