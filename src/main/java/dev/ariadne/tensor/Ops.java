package dev.ariadne.tensor;

import ai.djl.Device;
import java.util.LinkedHashMap;
import java.util.Map;

/** The functions of {@link Tensors} that the engine takes as text; loaded at the first call, with the engine. */
final class Ops {
    private static final String SELF = "(self: __torch__.Ops, ";

    static final TorchScript SCRIPT = new TorchScript(Tensors.engine().newBaseManager(Device.cpu()), methods());

    private Ops() {}

    private static Map<String, String> methods() {
        Map<String, String> methods = new LinkedHashMap<>();
        methods.put("gelu_tanh", unary("torch.gelu(x, approximate=\"tanh\")"));
        methods.put("gelu_tanh_in_place", unary("torch.gelu_(x, approximate=\"tanh\")"));
        methods.put("silu", unary("torch.silu(x)"));
        methods.put("silu_in_place", unary("torch.silu_(x)"));
        methods.put("rms_norm", SELF + "x: Tensor, w: Tensor, eps: Tensor) -> Tensor:\n" + rms("torch.mul(y, w)"));
        methods.put("rms_norm_plain", SELF + "x: Tensor, eps: Tensor) -> Tensor:\n" + rms("y"));
        methods.put(
                "rms_norm_parts",
                SELF + "x: Tensor, eps: Tensor) -> List[Tensor]:\n"
                        + "    s = torch.sqrt(torch.add(torch.mean(torch.mul(x, x), [-1], True), eps))\n"
                        + "    return [s, torch.div(x, s)]\n");
        methods.put(
                "layer_norm_parts",
                SELF + "x: Tensor, w: Tensor, b: Tensor, eps: Tensor) -> List[Tensor]:\n"
                        + "    y, m, s, = torch.native_layer_norm(x, [torch.size(x, -1)], w, b, float(eps))\n"
                        + "    return [torch.reciprocal(s), y]\n");
        // half-split rotary: (a, b) -> (a cos - b sin, b cos + a sin); the sign is in the sine table
        methods.put(
                "rotate",
                SELF + "x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:\n"
                        + "    halves = torch.chunk(x, 2, -1)\n"
                        + "    swapped = torch.cat([halves[1], halves[0]], -1)\n"
                        + "    return torch.addcmul(torch.mul(x, cos), swapped, sin)\n");
        methods.put(
                "rotate_first",
                SELF + "x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:\n"
                        + "    dims = torch.size(cos, -1)\n"
                        + "    first = torch.slice(x, -1, 0, dims)\n"
                        + "    halves = torch.chunk(first, 2, -1)\n"
                        + "    swapped = torch.cat([halves[1], halves[0]], -1)\n"
                        + "    turned = torch.addcmul(torch.mul(first, cos), swapped, sin)\n"
                        + "    return torch.cat([turned, torch.slice(x, -1, dims)], -1)\n");
        methods.put(
                "grad",
                SELF + "y: Tensor, xs: List[Tensor]) -> List[Tensor]:\n"
                        + "    gs = torch.grad([y], xs, None, False, False, True)\n"
                        + "    out = annotate(List[Tensor], [])\n"
                        + "    for i in range(torch.len(xs)):\n"
                        + "      g = gs[i]\n"
                        + "      if torch.__is__(g, None):\n"
                        + "        r = torch.zeros_like(xs[i])\n"
                        + "      else:\n"
                        + "        r = unchecked_cast(Tensor, g)\n"
                        + "      _0 = torch.append(out, r)\n"
                        + "    return out\n");
        addLargest(methods);
        addDecompositions(methods);
        addSums(methods);
        methods.putAll(attention());
        return methods;
    }

    /** With the mean taken apart: its backward pass divides one number of each row, not each entry. */
    private static String rms(String result) {
        return "    squares = torch.mul(x, x)\n"
                + "    if torch.eq(ops.prim.dtype(x), 5):\n" // float16: only the mean sums in float32
                + "      m = torch.mean(squares, [-1], True)\n"
                + "    else:\n"
                + "      m = torch.div(torch.sum(squares, [-1], True), torch.size(x, -1))\n"
                + "    y = torch.mul(x, torch.rsqrt(torch.add(m, eps)))\n"
                + "    return " + result + "\n";
    }

    private static void addLargest(Map<String, String> methods) {
        methods.put(
                "largest",
                SELF + "x: Tensor, k: Tensor) -> Tensor:\n"
                        + "    values, indices, = torch.topk(x, int(k), -1)\n"
                        + "    return torch.scatter(torch.zeros_like(x), -1, indices, values)\n");
        methods.put(
                "largest_in_size",
                SELF + "x: Tensor, k: Tensor) -> Tensor:\n"
                        + "    values, indices, = torch.topk(torch.abs(x), int(k), -1)\n"
                        + "    return torch.scatter(torch.zeros_like(x), -1, indices, torch.gather(x, -1, indices))\n");
    }

    private static void addSums(Map<String, String> methods) {
        methods.put("log_sum_exp", SELF + "x: Tensor) -> Tensor:\n    return torch.logsumexp(x, [-1], False)\n");
        methods.put(
                "exp_sum",
                SELF + "x: Tensor, w: Tensor, shift: Tensor) -> Tensor:\n"
                        + "    y = torch.exp_(torch.sub_(torch.linear(x, w), shift))\n"
                        + "    return torch.sum(y, [-1], True)\n");
        methods.put(
                "exp_sum_biased",
                SELF + "x: Tensor, w: Tensor, shift: Tensor, b: Tensor) -> Tensor:\n"
                        + "    y = torch.exp_(torch.sub_(torch.linear(x, w, b), shift))\n"
                        + "    return torch.sum(y, [-1], True)\n");
    }

    private static Map<String, String> attention() {
        Map<String, String> methods = new LinkedHashMap<>();
        methods.put(
                "append",
                SELF + "k: Tensor, v: Tensor, keys: Tensor, values: Tensor, at: Tensor) -> List[Tensor]:\n"
                        + "    start = int(at)\n"
                        + "    end = torch.add(start, torch.size(k, 1))\n"
                        + "    _0 = torch.copy_(torch.slice(keys, 1, start, end), k)\n"
                        + "    _1 = torch.copy_(torch.slice(values, 1, start, end), v)\n"
                        + "    return [torch.slice(keys, 1, 0, end), torch.slice(values, 1, 0, end)]\n");
        methods.put(
                "attend",
                SELF + "q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: Tensor) -> Tensor:\n"
                        + "    grouped = torch.reshape(q, [torch.size(q, 0), torch.size(k, 2), -1, torch.size(q, 3)])\n"
                        + "    keys = torch.transpose(k, 1, 2)\n"
                        + "    values = torch.transpose(v, 1, 2)\n"
                        + "    z = torch.scaled_dot_product_attention(grouped, keys, values, mask, 0., False, scale=float(scale))\n"
                        + "    return torch.reshape(z, torch.size(q))\n");
        return methods;
    }

    private static void addDecompositions(Map<String, String> methods) {
        methods.put(
                "qr",
                SELF + "x: Tensor) -> List[Tensor]:\n"
                        + "    q, r, = torch.linalg_qr(x, \"reduced\")\n"
                        + "    return [q, r]\n");
        methods.put(
                "svd",
                SELF + "x: Tensor) -> List[Tensor]:\n"
                        + "    u, s, vh, = torch.linalg_svd(x, False)\n"
                        + "    return [u, s, vh]\n");
        methods.put("eigenvalues", unary("torch.view_as_real(torch.linalg_eigvals(x))"));
    }

    private static String unary(String expression) {
        return SELF + "x: Tensor) -> Tensor:\n    return " + expression + "\n";
    }
}
