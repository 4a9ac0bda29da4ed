"""The Python worker of bench/run: peer.py eager|transformerlens|transformers DATA_FOLDER. Same protocol as Bench.java.

'eager' is a bare PyTorch model, written out below: the same maths and nothing else. 'transformerlens' is TransformerLens's
HookedTransformer with the same weights, 'transformers' Hugging Face's model, each used as its documentation uses it. A case
is named WORK/MODEL/BATCHxPOS; each answers with a figure that every side must find: the norm of the last position's logits
of the first prompt, or of all gradients, or a mean of the generated tokens' ids, later ones counting more.
"""

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"
NEW_TOKENS = 64  # of a generation


class Absent(Exception):
    """A case that cannot run here, and why."""


def prompt(batch, pos, vocab):
    ids = (17 + 7919 * torch.arange(batch * pos)) % vocab
    return ids.reshape(batch, pos)  # [batch, pos]


def logit_difference(logits):
    return (logits[:, -1, 1] - logits[:, -1, 2]).mean()


def causal_mask(pos):
    return torch.ones(pos, pos, dtype=torch.bool).triu(1)  # [queryPos, keyPos], true where not allowed


# ---------------------------------------------------------------------------------------------------- weights


def gpt2_weights(folder):
    from safetensors.torch import load_file

    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    return config, {name.removeprefix("transformer."): tensor for name, tensor in weights.items()}


def smollm2_weights():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "ariadne" / SMOLLM2
    if not path.is_file():
        raise Absent(f"{path} is not there; ./run --model fetches it")
    import gguf

    reader = gguf.GGUFReader(path)
    field = lambda name: reader.get_field(f"llama.{name}").contents()
    config = {
        "layers": field("block_count"),
        "ctx": field("context_length"),
        "d": field("embedding_length"),
        "mlp": field("feed_forward_length"),
        "heads": field("attention.head_count"),
        "kv_heads": field("attention.head_count_kv"),
        "d_head": field("rope.dimension_count"),
        "base": field("rope.freq_base"),
        "eps": field("attention.layer_norm_rms_epsilon"),
    }
    weights = {
        tensor.name: torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy())
        for tensor in reader.tensors
    }
    for name in weights:  # the file has q and k rows for rotating neighbours; both models here rotate halves
        if name.endswith(("attn_q.weight", "attn_k.weight")):
            rows, d = weights[name].shape
            pairs = weights[name].reshape(rows // config["d_head"], config["d_head"] // 2, 2, d)
            weights[name] = pairs.transpose(1, 2).reshape(rows, d).contiguous()
    config["vocab"] = weights["token_embd.weight"].shape[0]
    return config, weights


# ---------------------------------------------------------------------------------------------------- bare PyTorch


class Recorder:
    """What a run keeps: nothing, every activation, or the head outputs as points to differentiate at."""

    def __init__(self, everything=False, gradients=False):
        self.everything, self.gradients = everything, gradients
        self.kept, self.zs = [], []

    def keep(self, *tensors):
        if self.everything:
            self.kept.extend(tensors)

    def z(self, z):
        self.keep(z)
        if self.gradients:
            self.zs.append(z if z.requires_grad else z.requires_grad_())
        return z


def attend(q, k, v, mask, scale, rec):
    """q, k, v: [batch, head, pos, dHead]; the result: [batch, pos, head, dHead]."""
    scores = (q @ k.transpose(-1, -2) * scale).masked_fill(mask, -math.inf)  # [batch, head, queryPos, keyPos]
    pattern = scores.softmax(-1)
    rec.keep(scores, pattern)
    return rec.z((pattern @ v).transpose(1, 2))


class EagerGpt2:
    def __init__(self, config, weights):
        self.heads, self.eps = config["n_head"], config["layer_norm_epsilon"]
        self.vocab = config["vocab_size"]
        self.layers = range(config["n_layer"])
        # GPT-2 stores [in, out]; linear wants [out, in]
        turned = lambda name: any(part in name for part in (".c_attn.w", ".c_proj.w", ".c_fc.w"))
        self.w = {name: t.T.contiguous() if turned(name) else t for name, t in weights.items()}

    def norm(self, x, name, rec):
        w, b = self.w[f"{name}.weight"], self.w[f"{name}.bias"]
        if not rec.everything:
            return F.layer_norm(x, x.shape[-1:], w, b, self.eps)
        x = x - x.mean(-1, keepdim=True)
        scale = (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt()
        normalized = x / scale * w + b
        rec.keep(scale, normalized)
        return normalized

    def linear(self, x, name):
        return F.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def __call__(self, tokens, rec):
        batch, pos = tokens.shape
        mask = causal_mask(pos)
        embed, position = self.w["wte.weight"][tokens], self.w["wpe.weight"][:pos].expand(batch, -1, -1)
        resid = embed + position  # [batch, pos, dModel]
        rec.keep(embed, position)
        for layer in self.layers:
            block = f"h.{layer}."
            rec.keep(resid)
            qkv = self.linear(self.norm(resid, f"{block}ln_1", rec), f"{block}attn.c_attn")
            q, k, v = (part.view(batch, pos, self.heads, -1).transpose(1, 2) for part in qkv.chunk(3, -1))
            rec.keep(q, k, v)
            z = attend(q, k, v, mask, q.shape[-1] ** -0.5, rec)
            out = self.linear(z.reshape(batch, pos, -1), f"{block}attn.c_proj")
            mid = resid + out
            pre = self.linear(self.norm(mid, f"{block}ln_2", rec), f"{block}mlp.c_fc")
            post = F.gelu(pre, approximate="tanh")
            mlp = self.linear(post, f"{block}mlp.c_proj")
            resid = mid + mlp
            rec.keep(out, mid, pre, post, mlp, resid)
        return F.linear(self.norm(resid, "ln_f", rec), self.w["wte.weight"])  # [batch, pos, dVocab]


class EagerLlama:
    def __init__(self, config, weights):
        self.c, self.w, self.vocab = config, weights, config["vocab"]
        inverse = config["base"] ** (-torch.arange(0, config["d_head"], 2, dtype=torch.float64) / config["d_head"])
        angles = torch.arange(512, dtype=torch.float64)[:, None] * inverse  # [pos, dHead / 2]
        self.cos = torch.cat([angles, angles], -1).cos().float()
        self.sin = torch.cat([angles, angles], -1).sin().float()

    def norm(self, x, name, rec):
        w = self.w[f"{name}.weight"]
        if not rec.everything:
            return F.rms_norm(x, x.shape[-1:], w, self.c["eps"])
        scale = (x.pow(2).mean(-1, keepdim=True) + self.c["eps"]).sqrt()
        normalized = x / scale * w
        rec.keep(scale, normalized)
        return normalized

    def rotate(self, x):
        left, right = x.chunk(2, -1)
        pos = x.shape[-2]
        return x * self.cos[:pos] + torch.cat([-right, left], -1) * self.sin[:pos]

    def __call__(self, tokens, rec):
        batch, pos = tokens.shape
        mask = causal_mask(pos)
        group = self.c["heads"] // self.c["kv_heads"]
        resid = self.w["token_embd.weight"][tokens]  # [batch, pos, dModel]
        rec.keep(resid)
        for layer in range(self.c["layers"]):
            linear = lambda x, name: F.linear(x, self.w[f"blk.{layer}.{name}.weight"])
            heads = lambda x, name: linear(x, name).view(batch, pos, -1, self.c["d_head"]).transpose(1, 2)
            rec.keep(resid)
            x = self.norm(resid, f"blk.{layer}.attn_norm", rec)
            q, k, v = heads(x, "attn_q"), heads(x, "attn_k"), heads(x, "attn_v")
            turned_q, turned_k = self.rotate(q), self.rotate(k)
            rec.keep(q, k, v, turned_q, turned_k)
            wide_k, wide_v = turned_k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
            z = attend(turned_q, wide_k, wide_v, mask, self.c["d_head"] ** -0.5, rec)
            out = linear(z.reshape(batch, pos, -1), "attn_output")
            mid = resid + out
            x = self.norm(mid, f"blk.{layer}.ffn_norm", rec)
            gate, up = linear(x, "ffn_gate"), linear(x, "ffn_up")
            post = F.silu(gate) * up
            mlp = linear(post, "ffn_down")
            resid = mid + mlp
            rec.keep(out, mid, gate, up, post, mlp, resid)
        return F.linear(self.norm(resid, "output_norm", rec), self.w["token_embd.weight"])


class Eager:
    def __init__(self, model):
        self.model, self.vocab = model, model.vocab

    def forward(self, tokens):
        with torch.inference_mode():
            return self.model(tokens, Recorder())

    def cache(self, tokens):
        with torch.inference_mode():
            rec = Recorder(everything=True)
            return self.model(tokens, rec), rec.kept

    def grad(self, tokens):
        rec = Recorder(gradients=True)
        return torch.autograd.grad(logit_difference(self.model(tokens, rec)), rec.zs)


# ---------------------------------------------------------------------------------------------------- TransformerLens


def lens_gpt2(config, weights):
    heads, d = config["n_head"], config["n_embd"]
    state = {
        "embed.W_E": weights["wte.weight"],
        "pos_embed.W_pos": weights["wpe.weight"],
        "ln_final.w": weights["ln_f.weight"],
        "ln_final.b": weights["ln_f.bias"],
        "unembed.W_U": weights["wte.weight"].T,
        "unembed.b_U": torch.zeros(config["vocab_size"]),
    }
    for layer in range(config["n_layer"]):
        source = {name: t for name, t in weights.items() if name.startswith(f"h.{layer}.")}
        get = lambda name: source[f"h.{layer}.{name}"]
        put = lambda name, value: state.__setitem__(f"blocks.{layer}.{name}", value)
        parts = zip("QKV", get("attn.c_attn.weight").chunk(3, 1), get("attn.c_attn.bias").chunk(3))
        for letter, w, b in parts:
            put(f"attn.W_{letter}", w.reshape(d, heads, -1).transpose(0, 1))  # [head, dModel, dHead]
            put(f"attn.b_{letter}", b.reshape(heads, -1))
        put("attn.W_O", get("attn.c_proj.weight").reshape(heads, -1, d))
        put("attn.b_O", get("attn.c_proj.bias"))
        for ours, theirs in (("ln1", "ln_1"), ("ln2", "ln_2")):
            put(f"{ours}.w", get(f"{theirs}.weight"))
            put(f"{ours}.b", get(f"{theirs}.bias"))
        for ours, theirs in (("in", "c_fc"), ("out", "c_proj")):
            put(f"mlp.W_{ours}", get(f"mlp.{theirs}.weight"))
            put(f"mlp.b_{ours}", get(f"mlp.{theirs}.bias"))
    settings = dict(
        n_layers=config["n_layer"],
        d_model=d,
        n_ctx=config["n_positions"],
        d_head=d // heads,
        n_heads=heads,
        d_mlp=4 * d,
        d_vocab=config["vocab_size"],
        act_fn="gelu_new",
        normalization_type="LN",
        eps=config["layer_norm_epsilon"],
    )
    return settings, state


def lens_llama(c, weights):
    d, d_head = c["d"], c["d_head"]
    state = {
        "embed.W_E": weights["token_embd.weight"],
        "ln_final.w": weights["output_norm.weight"],
        "unembed.W_U": weights["token_embd.weight"].T,
        "unembed.b_U": torch.zeros(c["vocab"]),
    }
    for layer in range(c["layers"]):
        get = lambda name: weights[f"blk.{layer}.{name}.weight"]
        put = lambda name, value: state.__setitem__(f"blocks.{layer}.{name}", value)
        for name, letter, heads in (("q", "Q", c["heads"]), ("k", "K", c["kv_heads"]), ("v", "V", c["kv_heads"])):
            mark = "" if letter == "Q" else "_"  # TransformerLens's names for ungrouped keys and values
            put(f"attn.{mark}W_{letter}", get(f"attn_{name}").reshape(heads, d_head, d).transpose(1, 2))
            put(f"attn.{mark}b_{letter}", torch.zeros(heads, d_head))
        put("attn.W_O", get("attn_output").T.reshape(c["heads"], d_head, d))
        put("attn.b_O", torch.zeros(d))
        put("ln1.w", get("attn_norm"))
        put("ln2.w", get("ffn_norm"))
        put("mlp.W_gate", get("ffn_gate").T)
        put("mlp.W_in", get("ffn_up").T)
        put("mlp.b_in", torch.zeros(c["mlp"]))
        put("mlp.W_out", get("ffn_down").T)
        put("mlp.b_out", torch.zeros(d))
    settings = dict(
        n_layers=c["layers"],
        d_model=d,
        n_ctx=512,
        d_head=d_head,
        n_heads=c["heads"],
        n_key_value_heads=c["kv_heads"],
        d_mlp=c["mlp"],
        d_vocab=c["vocab"],
        act_fn="silu",
        gated_mlp=True,
        normalization_type="RMS",
        final_rms=True,
        eps=c["eps"],
        positional_embedding_type="rotary",
        rotary_adjacent_pairs=False,
        rotary_dim=d_head,
        rotary_base=int(c["base"]),
    )
    return settings, state


class TransformerLens:
    def __init__(self, settings, state):
        from transformer_lens import HookedTransformer, HookedTransformerConfig

        config = HookedTransformerConfig(device="cpu", init_weights=False, dtype=torch.float32, **settings)
        self.model, self.vocab = HookedTransformer(config), config.d_vocab
        copies = {name: tensor.contiguous() for name, tensor in state.items()}
        missing, unknown = self.model.load_state_dict(copies, strict=False)
        parameters = {name for name, _ in self.model.named_parameters()}
        if unknown or parameters & set(missing):
            raise RuntimeError(f"weights without a place: {unknown}; without a value: {parameters & set(missing)}")
        for parameter in self.model.parameters():  # no weight's gradient is wanted: a favour to the peer
            parameter.requires_grad_(False)

    def forward(self, tokens):
        with torch.inference_mode():
            return self.model(tokens)

    def cache(self, tokens):
        with torch.inference_mode():
            return self.model.run_with_cache(tokens)

    def grad(self, tokens):
        gradients = {}

        def make_leaf(x, hook):
            return x.requires_grad_()

        def save(gradient, hook):
            gradients[hook.name] = gradient

        at_z = lambda name: name.endswith("attn.hook_z")
        with self.model.hooks(fwd_hooks=[("hook_embed", make_leaf)], bwd_hooks=[(at_z, save)]):
            logit_difference(self.model(tokens)).backward()
        return list(gradients.values())


# ---------------------------------------------------------------------------------------------------- transformers


def hugging_face_llama(c, weights):
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=c["vocab"],
        hidden_size=c["d"],
        intermediate_size=c["mlp"],
        num_hidden_layers=c["layers"],
        num_attention_heads=c["heads"],
        num_key_value_heads=c["kv_heads"],
        max_position_embeddings=c["ctx"],
        rms_norm_eps=c["eps"],
        rope_theta=c["base"],
        tie_word_embeddings=True,
    )
    names = {
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    }
    state = {
        "model.embed_tokens.weight": weights["token_embd.weight"],
        "lm_head.weight": weights["token_embd.weight"],
        "model.norm.weight": weights["output_norm.weight"],
    }
    for layer in range(c["layers"]):
        for ours, theirs in names.items():
            state[f"model.layers.{layer}.{theirs}.weight"] = weights[f"blk.{layer}.{ours}.weight"]
    model = LlamaForCausalLM(config)
    model.load_state_dict(state)
    return model.eval()


class HuggingFace:
    def __init__(self, model):
        self.model, self.vocab = model, model.config.vocab_size

    def forward(self, tokens):
        with torch.inference_mode():
            return self.model(tokens).logits

    def generate(self, tokens):
        with torch.inference_mode():
            everything = self.model.generate(
                tokens,
                attention_mask=torch.ones_like(tokens),
                max_new_tokens=NEW_TOKENS,
                do_sample=False,
                eos_token_id=None,
                pad_token_id=0,
            )
        return everything[:, tokens.shape[1] :]


# ---------------------------------------------------------------------------------------------------- cases


class ModelCase:
    def __init__(self, peer, models, work, name, size):
        self.model = models.get(peer, name)
        batch, pos = map(int, size.split("x"))
        self.tokens = prompt(batch, pos, self.model.vocab)
        if not hasattr(self.model, work):
            raise Absent(f"{peer} has no {work} here")
        self.work, self.call = work, getattr(self.model, work)

    def load(self):
        result = self.call(self.tokens)
        if self.work == "grad":
            return math.sqrt(sum(float(g.double().pow(2).sum()) for g in result))
        if self.work == "generate":
            weights = torch.arange(1, NEW_TOKENS + 1)
            return float((result[0] * weights).sum() / weights.sum())
        logits = result[0] if self.work == "cache" else result
        return float(logits[0, -1].double().norm())

    def run(self):
        start = time.perf_counter()
        result = self.call(self.tokens)
        del result  # what it kept is given back within the time, on both sides
        return (time.perf_counter() - start) * 1e3


class TrainCase:
    """Steps of training the model 'tutorial' on, one batch again and again, as bench/TrainCase.java does."""

    def __init__(self, data):
        from safetensors.torch import load_file

        folder = data / "tutorial"
        if not (folder / "weights.safetensors").is_file():
            raise Absent(f"no model in {folder}; bench/run writes it")
        self.config = json.loads((folder / "config.json").read_text())
        stored, self.w = load_file(folder / "weights.safetensors"), {}
        for name, t in stored.items():  # rows of [out, in], queries, keys and values in one
            head, last = name.rsplit(".", 1)
            if last in ("W_K", "W_V", "b_K", "b_V"):
                continue
            if last == "W_Q":
                t = torch.cat([stored[f"{head}.W_{x}"].transpose(1, 2).flatten(0, 1) for x in "QKV"])
            elif last == "b_Q":
                t = torch.cat([stored[f"{head}.b_{x}"].flatten() for x in "QKV"])
            elif last == "W_O":
                t = t.flatten(0, 1).T
            elif last in ("W_in", "W_out", "W_U"):
                t = t.T
            self.w[name] = t.contiguous().clone()
        frozen = ("embed.", "blocks.0.ln1.", "blocks.0.attn.")
        trained = [t.requires_grad_() for name, t in self.w.items() if not name.startswith(frozen)]
        groups = [
            {"params": [t for t in trained if t.dim() > 1], "weight_decay": 0.4},
            {"params": [t for t in trained if t.dim() == 1], "weight_decay": 0.0},
        ]
        self.trained = trained
        self.optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), eps=1e-8, fused=True)
        self.tokens = prompt(96, 11, self.config["d_vocab"])
        d, base = self.config["d_head"], self.config["rotary_base"]
        angles = torch.arange(11.0)[:, None] * base ** (-torch.arange(0, d, 2) / d)  # [pos, dHead / 2]
        self.cos, self.sin = torch.cat([angles, angles], -1).cos(), torch.cat([angles, angles], -1).sin()

    def rotate(self, x):
        left, right = x.chunk(2, -1)
        return x * self.cos + torch.cat([-right, left], -1) * self.sin

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[f"{name}.w"], self.w[f"{name}.b"], self.config["eps"])

    def loss(self):
        tokens, targets, w, c = self.tokens[:, :-1], self.tokens[:, -1], self.w, self.config
        batch, pos = tokens.shape
        mask = causal_mask(pos)
        self.cos, self.sin = self.cos[:pos], self.sin[:pos]
        resid = w["embed.W_E"][tokens]  # [batch, pos, dModel]
        for layer in range(c["n_layers"]):
            b = f"blocks.{layer}."
            qkv = F.linear(self.norm(resid, b + "ln1"), w[b + "attn.W_Q"], w[b + "attn.b_Q"])
            q, k, v = (part.view(batch, pos, c["n_heads"], -1).transpose(1, 2) for part in qkv.chunk(3, -1))
            z = attend(self.rotate(q), self.rotate(k), v, mask, 1 / c["attn_scale"], Recorder())
            resid = resid + F.linear(z.reshape(batch, pos, -1), w[b + "attn.W_O"], w[b + "attn.b_O"])
            post = F.linear(self.norm(resid, b + "ln2"), w[b + "mlp.W_in"], w[b + "mlp.b_in"]).relu()
            least = post.topk(c["top_k"]).values[..., -1:]
            post = post * (post >= least)
            resid = resid + F.linear(post, w[b + "mlp.W_out"], w[b + "mlp.b_out"])
        return F.cross_entropy(F.linear(self.norm(resid[:, -1], "ln_final"), w["unembed.W_U"]), targets)

    def step(self):
        loss = self.loss()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        return loss.item()

    def load(self):
        return [self.step() for _ in range(3)][-1]

    def run(self):
        start = time.perf_counter()
        self.step()
        return (time.perf_counter() - start) * 1e3


class EngineStart:
    """A fresh Python up to its first product of two matrices."""

    def __init__(self, peer):
        self.source = "import torch; torch.ones(2, 2) @ torch.ones(2, 2)"
        if peer == "transformerlens":
            self.source = "import transformer_lens; " + self.source

    def load(self):
        self.run()
        return math.nan

    def run(self):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", self.source], check=True, stderr=subprocess.DEVNULL)
        return (time.perf_counter() - start) * 1e3


class Models:
    """The model of the case at hand; another name frees it."""

    def __init__(self, data):
        self.data, self.name, self.model = data, None, None

    def get(self, peer, name):
        if name != self.name:
            self.name, self.model = None, None
            config, weights = smollm2_weights() if name == "smollm2" else self.random(name)
            llama = name == "smollm2"
            if peer == "transformers":
                if not llama:
                    raise Absent(f"only SmolLM2 is built for transformers here, not {name}")
                self.model = HuggingFace(hugging_face_llama(config, weights))
            elif peer == "eager":
                self.model = Eager((EagerLlama if llama else EagerGpt2)(config, weights))
            else:
                self.model = TransformerLens(*(lens_llama if llama else lens_gpt2)(config, weights))
            self.name = name
        return self.model

    def random(self, name):
        folder = self.data / name
        if not (folder / "model.safetensors").is_file():
            raise Absent(f"no model in {folder}; bench/run writes it")
        return gpt2_weights(folder)


def make(case, peer, models):
    if case == "engine-start":
        return EngineStart(peer)
    if case.split("/")[1:2] == ["sparse"] and peer == "eager":
        import sparse_peer

        return {"train": sparse_peer.Training, "prune": sparse_peer.Pruning}[case.split("/")[0]](models.data)
    if case.startswith("train/") and peer == "eager":
        return TrainCase(models.data)
    parts = case.split("/")
    if len(parts) != 3 or parts[0] not in ("forward", "cache", "grad", "generate"):
        raise Absent(f"no case named '{case}'")
    return ModelCase(peer, models, *parts)


def main():
    peer, models = sys.argv[1], Models(Path(sys.argv[2]))
    if peer not in ("eager", "transformerlens", "transformers"):
        raise SystemExit(f"the peer is eager, transformerlens or transformers, got '{peer}'")
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints must not look like an answer
    torch.set_num_threads(int(os.environ.get("BENCH_THREADS", "1")))
    torch.set_num_interop_threads(1)
    current = None
    for line in map(str.strip, sys.stdin):
        if line == "quit":
            break
        if line.startswith("load "):
            try:
                current = make(line[5:], peer, models)
                answer = f"ok {current.load():.6g}"
            except (Absent, ImportError) as reason:
                answer = f"skip {reason}"
        elif line == "run" and current:
            answer = f"{current.run():.4f}"
        else:
            answer = f"error expected 'load NAME', then 'run', or 'quit'; got '{line}'"
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    main()
