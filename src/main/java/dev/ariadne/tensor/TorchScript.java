package dev.ariadne.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Tensor functions given as TorchScript text, loaded into the engine.
 *
 * <p>The engine reads a TorchScript archive from any stream, and an archive without parameters is a stored zip of four small entries, so
 * the text below is all that is needed: no Python, no binary. A call costs about 15 µs, five times a plain array operation: for what is
 * missing, not for speed.
 */
final class TorchScript {
    /** Pickle, protocol 2: an object of class {@code __torch__.Ops} with state {@code {"training": True}}. */
    private static final byte[] STATE = concat(
            new byte[] {(byte) 0x80, 2, 'c'},
            "__torch__\nOps\n".getBytes(StandardCharsets.US_ASCII),
            new byte[] {')', (byte) 0x81, '}', 'X', 8, 0, 0, 0},
            "training".getBytes(StandardCharsets.US_ASCII),
            new byte[] {(byte) 0x88, 's', 'b', '.'});

    private static final byte[] NO_CONSTANTS = {(byte) 0x80, 2, ')', '.'};

    /** The oldest archive version whose functions see today's overloads. */
    private static final String VERSION = "10";

    private final PtSymbolBlock module;
    private final Map<String, NDArray> selectors =
            new LinkedHashMap<>(); // method name → the marker array DJL picks it by

    TorchScript(NDManager manager, Map<String, String> methods) {
        try {
            module = JniUtils.loadModule(
                    (PtNDManager) manager, new ByteArrayInputStream(archive(methods)), false, false);
        } catch (IOException e) {
            throw new UncheckedIOException("the engine refused the library's own TorchScript archive", e);
        }
        for (String method : methods.keySet()) {
            NDArray selector = manager.create(0f);
            selector.setName("module_method:" + method);
            selectors.put(method, selector);
        }
    }

    /** Calls a method; the results belong to the manager of the first argument. */
    NDList call(String method, NDArray... arguments) {
        NDArray selector = selectors.get(method);
        if (selector == null) {
            throw new AssertionError("no TorchScript method " + method);
        }
        NDList list = new NDList(arguments.length + 1);
        for (NDArray argument : arguments) {
            list.add(argument);
        }
        list.add(selector);
        JniUtils.setGraphExecutorOptimize(false); // per thread: no recompilation in the first calls
        return IValueUtils.forward(module, list, true);
    }

    static byte[] archive(Map<String, String> methods) {
        StringBuilder code = new StringBuilder("""
                class Ops(Module):
                  __parameters__ = []
                  __buffers__ = []
                  training : bool
                """);
        methods.forEach((name, body) -> code.append("  def ").append(name).append(body));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            zip.setMethod(ZipOutputStream.STORED);
            store(zip, "ops/data.pkl", STATE);
            store(zip, "ops/code/__torch__.py", code.toString().getBytes(StandardCharsets.UTF_8));
            store(zip, "ops/constants.pkl", NO_CONSTANTS);
            store(zip, "ops/version", VERSION.getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory failed", e);
        }
        return bytes.toByteArray();
    }

    private static void store(ZipOutputStream zip, String name, byte[] content) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(content);
        ZipEntry entry = new ZipEntry(name);
        entry.setTime(0);
        entry.setSize(content.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }

    private static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }
}
