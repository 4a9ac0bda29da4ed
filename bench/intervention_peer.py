"""The peer of bench/intervention: circuit-tracer on the same weights and transcoders. intervention_peer.py DATA_FOLDER.

Prints lines as InterventionBench.java does. Each of its interventions runs the prompt twice, as it is and with the feature set.
"""

import sys
import time
from pathlib import Path
from statistics import median

import torch

from attribution_peer import line, load

REPEATS = 9
VALUE = 20.0


def main():
    torch.set_num_threads(1)
    model = load(Path(sys.argv[1]))
    prompt = (17 + 7919 * torch.arange(10)) % 50257

    def timed(*interventions, **options):
        times = []
        for repeat in range(REPEATS + 1):
            start = time.process_time()
            logits, _ = model.feature_intervention(prompt, list(interventions), **options)
            if repeat:  # the first is not counted
                times.append(time.process_time() - start)
        return logits[0], median(times)

    with torch.no_grad():
        clean = model(prompt)[0]
    for layer in (0, 6, 11):
        name = f"intervention/gpt2/layer-{layer}"
        logits, most = timed((layer, 5, 3, VALUE))
        line(f"{name}/logits", logits.norm(), "")
        line(f"{name}/moved", (logits - clean).norm(), "")
        line(f"{name}/with-clean-run-and-all-activations", most, "CPU s")
        line(name, timed((layer, 5, 3, VALUE), return_activations=False)[1], "CPU s")
        line(f"{name}/token-1", timed((layer, 1, 3, VALUE), return_activations=False)[1], "CPU s")


main()
