package dev.ariadne.tensor;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** How weights change in training: all arrays in one call, in place, outside any recording of gradients. */
public final class Updates {
    private static final String SELF = "(self: __torch__.Ops, ";

    private Updates() {}

    /** Loaded at the first call, with the engine. */
    private static final class Ops {
        static final TorchScript SCRIPT = new TorchScript(Tensors.engine().newBaseManager(Device.cpu()), methods());

        static Map<String, String> methods() {
            Map<String, String> methods = new LinkedHashMap<>();
            methods.put(
                    "clip",
                    SELF + "xs: List[Tensor], most: Tensor) -> Tensor:\n"
                            + "    norm = torch.linalg_vector_norm(torch.stack(torch._foreach_norm(xs, 2)))\n"
                            + "    _0 = torch._foreach_mul_(xs, torch.clamp(torch.div(most, norm), None, 1.))\n"
                            + "    return norm\n");
            methods.put(
                    "scale",
                    SELF + "xs: List[Tensor], norm_after: Tensor) -> Tensor:\n"
                            + "    norm = torch.linalg_vector_norm(torch.stack(torch._foreach_norm(xs, 2)))\n"
                            + "    _0 = torch._foreach_mul_(xs, torch.div(norm_after, norm))\n"
                            + "    return norm\n");
            methods.put(
                    "adamw",
                    SELF
                            + "ps: List[Tensor], gs: List[Tensor], ms: List[Tensor], vs: List[Tensor], h: Tensor) -> Tensor:\n"
                            + "    step = torch.to(torch.select(h, 0, 0), 6)\n" // 6: float32, which the kernel takes
                            + "    steps = annotate(List[Tensor], [])\n"
                            + "    for i in range(torch.len(ps)):\n"
                            + "      _0 = torch.append(steps, step)\n"
                            + "    none = annotate(List[Tensor], [])\n"
                            + "    _1 = torch._fused_adamw_(ps, gs, ms, vs, none, steps,"
                            + " lr=float(torch.select(h, 0, 1)), beta1=float(torch.select(h, 0, 2)),"
                            + " beta2=float(torch.select(h, 0, 3)), weight_decay=float(torch.select(h, 0, 4)),"
                            + " eps=float(torch.select(h, 0, 5)), amsgrad=False, maximize=False)\n"
                            + "    return h\n");
            return methods;
        }
    }

    /**
     * Scales arrays down so that all their numbers together have at most this Euclidean norm.
     *
     * @param xs at least one, of any shapes, on one device
     * @param most a scalar array; an infinite one leaves them as they are
     * @return the norm before, a scalar owned by the first array's manager
     */
    public static NDArray clip(List<NDArray> xs, NDArray most) {
        return call("clip", xs, most);
    }

    /**
     * Scales arrays so that all their numbers together have this Euclidean norm.
     *
     * @param xs at least one, of any shapes, on one device; not all zero
     * @param norm a scalar array
     * @return the norm before, a scalar owned by the first array's manager
     */
    public static NDArray scale(List<NDArray> xs, NDArray norm) {
        return call("scale", xs, norm);
    }

    private static NDArray call(String method, List<NDArray> xs, NDArray number) {
        try {
            return Ops.SCRIPT
                    .call(method, arguments(Stream.of(named("xs[]", xs), List.of(number))))
                    .singletonOrThrow();
        } finally {
            named(null, xs);
        }
    }

    /**
     * Does one step of Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2): p ← (1 − rate·decay)·p − rate·m̂ / (√v̂ + eps),
     * the moments corrected for their bias.
     *
     * @param ps what is optimized
     * @param gs their gradients
     * @param ms their first moments, changed
     * @param vs their second moments, changed
     * @param settings FLOAT64 [6]: the number of this step from 1, rate, beta1, beta2, decay, eps
     */
    public static void adamW(List<NDArray> ps, List<NDArray> gs, List<NDArray> ms, List<NDArray> vs, NDArray settings) {
        Tensors.recording(false, () -> {
            try {
                NDArray[] all = arguments(Stream.of(
                        named("ps[]", ps), named("gs[]", gs), named("ms[]", ms), named("vs[]", vs), List.of(settings)));
                Ops.SCRIPT.call("adamw", all).close(); // a second handle on the settings
                return ps;
            } finally {
                List.of(ps, gs, ms, vs).forEach(list -> named(null, list));
            }
        });
    }

    /** Tells the engine that arrays form one list, or no longer. */
    private static List<NDArray> named(@Nullable String name, List<NDArray> list) {
        list.forEach(x -> x.setName(name));
        return list;
    }

    private static NDArray[] arguments(Stream<List<NDArray>> lists) {
        return lists.flatMap(List::stream).toArray(NDArray[]::new);
    }
}
