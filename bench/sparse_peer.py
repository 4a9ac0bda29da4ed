"""The work of bench/SparseCase.java in plain PyTorch: the same decisions in the same order, on tensors."""

import json
import math
import time

import torch
import torch.nn.functional as F

SLOPES = torch.tensor([0.0, 0.0, 1.0, 2**-1.5])
EPS = 1e-5


class Model:
    """Weights as [out, in], by names like 'blocks.0.W_K', and the forward pass."""

    def __init__(self, folder):
        from safetensors.torch import load_file

        self.c = json.loads((folder / "config.json").read_text())
        self.w = {}
        for name, t in load_file(folder / "weights.safetensors").items():
            last = name.rsplit(".", 1)[1]
            if last in ("W_Q", "W_K", "W_V"):
                t = t.transpose(1, 2).flatten(0, 1)
            elif last in ("b_Q", "b_K", "b_V"):
                t = t.flatten()
            elif last == "W_O":
                t = t.flatten(0, 1).T
            elif last in ("W_in", "W_out", "W_U"):
                t = t.T
            self.w[name.replace("attn.", "").replace("mlp.", "")] = t.contiguous().clone()
        self.heads, self.layers = self.c["n_heads"], self.c["n_layers"]

    def norm(self, x):
        return x / (x.pow(2).mean(-1, keepdim=True) + EPS).sqrt()

    def pattern(self, q, k):
        batch, pos, width = q.shape
        q, k = (x.view(batch, pos, self.heads, -1).transpose(1, 2) for x in (q, k))
        at = torch.arange(pos)
        far = at[:, None] - at
        bias = (-SLOPES[:, None, None] * far).masked_fill(far < 0, -math.inf)  # [head, queryPos, keyPos]
        return (q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5 + bias).softmax(-1)

    def gather(self, pattern, v):
        batch, pos, width = v.shape
        return (pattern @ v.view(batch, pos, self.heads, -1).transpose(1, 2)).transpose(1, 2).reshape(batch, pos, width)

    def logits(self, tokens, at=lambda layer, place, x: x, product=None):
        """at sees each place's channels, product computes one: (layer, place, matrix, bias, source)."""
        product = product or (lambda layer, place, w, b, x: F.linear(x, w, b))
        resid = self.w["embed.W_E"][tokens]  # [batch, pos, dModel]
        for i in range(self.layers):
            wb = lambda name: (self.w[f"blocks.{i}.W_{name}"], self.w[f"blocks.{i}.b_{name}"])
            x = at(i, "attn_in", self.norm(resid))
            q, k, v = (at(i, name, product(i, name, *wb(name), x)) for name in "QKV")
            z = self.gather(self.pattern(q, k), v)
            resid = resid + at(i, "attn_out", product(i, "O", *wb("O"), z))
            x = at(i, "mlp_in", self.norm(resid))
            post = at(i, "neuron", F.gelu(product(i, "in", *wb("in"), x), approximate="tanh"))
            resid = resid + at(i, "mlp_out", product(i, "out", *wb("out"), post))
        out = F.linear(self.norm(resid), self.w["unembed.W_U"])
        return out + self.w["unembed.W_bigrams"][tokens]


class Training:
    STEPS, RATE, FRACTION, TO, LEAST = 40, 0.02, 1 / 32, 0.7, 1

    def __init__(self, data):
        self.folder = data / "sparse-training"
        self.rows = torch.tensor(json.loads((self.folder / "rows.json").read_text()))

    def fit(self):
        model = Model(self.folder)
        weights = {name: t.requires_grad_() for name, t in model.w.items()}
        groups = [
            {"params": [t for t in weights.values() if t.dim() > 1], "weight_decay": 0.1},
            {"params": [t for t in weights.values() if t.dim() == 1], "weight_decay": 0.0},
        ]
        options = dict(lr=1.0, betas=(0.9, 0.95), eps=0.1, fused=True)
        self.step(model, weights, torch.optim.AdamW(groups, **options), 1e-30)
        optimizer = torch.optim.AdamW(groups, **options)
        for step in range(self.STEPS):
            left = 1 + (self.FRACTION - 1) * min(1, (step + 1) / self.STEPS / self.TO)
            warm = min(1, (step + 1) / max(1, 0.01 * self.STEPS))
            loss = self.step(model, weights, optimizer, self.RATE * warm * (1 - step / self.STEPS) / math.sqrt(left))
            if left < 1:
                self.project(weights, left)
        return loss

    def step(self, model, weights, optimizer, rate):
        logits = model.logits(self.rows[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), self.rows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        grads = [t.grad for t in weights.values()]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads, 2)))
        torch._foreach_mul_(grads, math.sqrt(sum(g.numel() for g in grads)) / norm)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        return loss.item()

    @torch.no_grad()
    def project(self, weights, left):
        for name, w in weights.items():
            if name == "unembed.W_bigrams":
                continue
            size = w.abs()
            last = name.rsplit(".", 1)[1]
            if last in ("W_Q", "W_K", "W_V", "W_in"):  # each neuron keeps its largest
                size.scatter_(1, size.topk(self.LEAST, 1).indices, math.inf)
            elif last in ("W_O", "W_out"):
                size.scatter_(0, size.topk(self.LEAST, 0).indices, math.inf)
            keep = torch.zeros(w.numel())
            keep[size.flatten().topk(math.floor(left * w.numel() + 0.5), sorted=False).indices] = 1
            w.mul_(keep.view_as(w))

    def load(self):
        return self.fit()

    def run(self):
        start = time.perf_counter()
        self.fit()
        return (time.perf_counter() - start) * 1e3


class Pruning:
    TARGET, MOST_SCALE, RIDGE = 0.15, 8.0, 1e-4
    PLACES = ("attn_in", "Q", "K", "V", "attn_out", "mlp_in", "neuron", "mlp_out")
    SOURCE = {"Q": "attn_in", "K": "attn_in", "V": "attn_in", "O": "V", "in": "mlp_in", "out": "neuron"}
    TARGETS = {"Q": "Q", "K": "K", "V": "V", "O": "attn_out", "in": "neuron", "out": "mlp_out"}

    def __init__(self, data):
        folder = data / "sparse-pruning"
        self.model = Model(folder)
        pairs = json.loads((folder / "pairs.json").read_text())
        prompts = [prompt for pair in pairs for prompt in pair["prompts"]]
        longest = max(map(len, prompts))
        self.tokens = torch.tensor([prompt + [0] * (longest - len(prompt)) for prompt in prompts])
        self.ends = torch.tensor([len(prompt) - 1 for prompt in prompts])
        self.real = torch.arange(longest) <= self.ends[:, None]  # [prompt, pos], false behind the end
        answers = torch.tensor([pair["answers"] for pair in pairs]).repeat_interleave(2, 0)
        self.first, self.second = answers[:, 0], answers[:, 1]
        self.signs = torch.tensor([1.0, -1.0] * len(pairs))
        rows = torch.tensor(json.loads((folder / "rows.json").read_text()))[:, :32]
        self.places = [(layer, place) for layer in range(self.model.layers) for place in self.PLACES]
        self.means, self.starts, count = {}, {}, 0

        def note(layer, place, x):
            self.means[layer, place] = x.mean((0, 1))
            return x

        with torch.inference_mode():
            self.model.logits(rows, note)
        for key in self.places:
            self.starts[key] = count
            count += len(self.means[key])
        self.count = count
        self.matrices = [(layer, name) for layer in range(self.model.layers) for name in ("Q", "K", "V", "O", "in", "out")]

    def differences(self, logits):
        end = logits[torch.arange(len(self.ends)), self.ends]  # [prompt, dVocab]
        return end.gather(1, self.first[:, None])[:, 0] - end.gather(1, self.second[:, None])[:, 0]

    def attribution(self):
        kept = {}

        def note(layer, place, x):
            kept[layer, place] = x if x.requires_grad else x.requires_grad_()
            return x

        difference = self.differences(self.model.logits(self.tokens, note))
        F.softplus(-self.signs * difference).mean().backward(inputs=list(kept.values()))
        scores = []
        for key in self.places:
            moved = (kept[key].detach() - self.means[key]) * self.real[..., None]
            scores.append((kept[key].grad * moved).sum((0, 1)).abs())
        return torch.cat(scores)

    def loss(self, channels, edges):
        """With these channels and these weights on; what is off is at its mean."""

        def at(layer, place, x):
            start = self.starts[layer, place]
            return torch.where(channels[start : start + x.shape[-1]], x, self.means[layer, place])

        def product(layer, name, w, b, x):
            on = edges[layer, name]
            still = F.linear(self.means[layer, self.SOURCE[name]], w * ~on, b)
            return F.linear(x, w * on, still)

        with torch.inference_mode():
            return self.fitted(self.differences(self.model.logits(self.tokens, at, product)).double())

    def fitted(self, d):
        """The loss on the best line of the differences."""
        right = (self.signs.double() + 1) / 2

        def loss(s, b):
            return float(F.softplus(-self.signs * (s * d + b)).mean())

        def goal(s, b):
            return loss(s, b) + self.RIDGE / 2 * (s * s + b * b)

        s, b = 1.0, 0.0
        for _ in range(50):
            p = torch.sigmoid(s * d + b)
            error, curve = (p - right) / len(d), p * (1 - p) / len(d)
            gs, gb = float((error * d).sum()) + self.RIDGE * s, float(error.sum()) + self.RIDGE * b
            hss, hsb = float((curve * d * d).sum()) + self.RIDGE, float((curve * d).sum())
            hbb = float(curve.sum()) + self.RIDGE
            determinant = hss * hbb - hsb * hsb
            ds, db = (hbb * gs - hsb * gb) / determinant, (hss * gb - hsb * gs) / determinant
            if (s == 0 and ds > 0) or (s == self.MOST_SCALE and ds < 0):
                ds, db = 0, gb / hbb
            before, share = goal(s, b), 1.0
            while share > 1e-6:
                other = min(self.MOST_SCALE, max(0.0, s - share * ds)), b - share * db
                if goal(*other) < before:
                    break
                share /= 2
            else:
                break
            s, b = other
        return min(loss(s, b), loss(1, 0))

    def prune(self):
        score = self.attribution()
        order = score.argsort(descending=True, stable=True)
        edges = {key: self.model.w[f"blocks.{key[0]}.W_{key[1]}"] != 0 for key in self.matrices}
        first = lambda k: torch.zeros(self.count, dtype=torch.bool).index_fill(0, order[:k], True)
        meets = lambda channels: self.loss(channels, edges) <= self.TARGET
        low, high = 0, self.count
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if meets(first(middle)) else (middle, high)
        k = 1.0
        while k < self.count:  # the curve that is shown
            self.loss(first(int(k)), edges)
            k = max(k + 1, k * 1.4)
        self.loss(first(self.count), edges)
        channels = first(high)
        ranks, score = score.argsort(stable=True).tolist(), score.tolist()
        while True:
            before = int(channels.sum()) + len(self.live(channels, edges))
            on = channels.numpy()
            self.shrink([i for i in ranks if on[i]], lambda some, value: channels.__setitem__(some, value), channels, edges)

            def switch(some, value):
                for key, row, column in some:
                    edges[key][row, column] = value

            self.shrink(self.live(channels, edges), switch, channels, edges)
            if int(channels.sum()) + len(self.live(channels, edges)) == before:
                return before

    def live(self, channels, edges):
        """Weights that are on, between channels that are on, the smallest first."""
        found = []
        for key in self.matrices:
            layer, name = key
            w = self.model.w[f"blocks.{layer}.W_{name}"]
            source, target = self.starts[layer, self.SOURCE[name]], self.starts[layer, self.TARGETS[name]]
            on = edges[key] & channels[target : target + w.shape[0], None] & channels[source : source + w.shape[1]]
            found += [(abs(float(w[r, c])), key, r, c) for r, c in on.nonzero().tolist()]
        return [entry[1:] for entry in sorted(found, key=lambda entry: entry[0])]

    def shrink(self, left, switch, channels, edges):
        block = max(1, len(left) // 2)
        while True:
            went, start = False, 0
            while start < len(left):
                some = left[start : start + block]
                switch(some, False)
                if self.loss(channels, edges) <= self.TARGET:
                    del left[start : start + block]
                    went = True
                else:
                    switch(some, True)
                    start += block
            if not went and block == 1:
                return
            block = max(1, block // 2)

    def load(self):
        return self.prune()

    def run(self):
        start = time.perf_counter()
        self.prune()
        return (time.perf_counter() - start) * 1e3
