package dev.ariadne.model.weights;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Ten thousand and more damaged files: each is read or refused with a message, in little time and memory. */
class MutatedFilesTest {
    private static final int FILES_PER_SEED = 3_500;
    private static final long ALLOCATED_PER_FILE_BYTE = 100; // a one-byte string in a list costs about 60
    private static final long ALLOCATED_AT_ALL = 2_000_000; // buffers, messages, the arrays' Java side
    private static final long[] EXTREMES = {
        0,
        1,
        -1,
        7,
        255,
        65536,
        Integer.MAX_VALUE,
        1L << 31,
        1L << 32,
        1L << 40,
        1L << 62,
        Long.MAX_VALUE,
        Long.MIN_VALUE
    };

    @TempDir
    Path folder;

    @Test
    @Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD) // a hang fails, too
    void readsOrRefusesEveryMutationWithoutCrashHangOrHugeAllocation() throws IOException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        List<byte[]> seeds = List.of(TestFiles.mixedSafetensors(), TestFiles.mixedGguf(), TestFiles.quantisedGguf());
        NDManager base = NDManager.newBaseManager(Device.cpu());
        Random random = new Random(20260101);
        Path file = folder.resolve("mutated");
        long slowest = 0;
        long read = 0;
        long refused = 0;
        for (byte[] seed : seeds) {
            assertThat(readAll(TestFiles.write(folder, "whole", seed), base)).isTrue();
            for (int i = 0; i < FILES_PER_SEED; i++) {
                byte[] mutated = mutate(seed, random);
                Files.write(file, mutated, StandardOpenOption.CREATE_NEW); // truncating would wait for the disk
                long allocatedBefore = threads.getCurrentThreadAllocatedBytes();
                long start = System.nanoTime();
                boolean whole = readAll(file, base);
                slowest = Math.max(slowest, System.nanoTime() - start);
                long allocated = threads.getCurrentThreadAllocatedBytes() - allocatedBefore;
                long limit = ALLOCATED_AT_ALL + ALLOCATED_PER_FILE_BYTE * mutated.length;
                check(allocated < limit, "mutation " + i + " of " + mutated.length + " bytes allocated " + allocated);
                Files.delete(file);
                read += whole ? 1 : 0;
                refused += whole ? 0 : 1;
            }
        }
        base.close();
        assertThat(read + refused).isEqualTo(3 * FILES_PER_SEED);
        assertThat(read)
                .as("mutations that stay readable, so that reading is tried too")
                .isGreaterThan(1_000);
        assertThat(refused).isGreaterThan(1_000);
        assertThat(Duration.ofNanos(slowest)).isLessThan(Duration.ofSeconds(5));
    }

    /** Whether the file was read to the end; anything but the two exceptions of bad input fails the test. */
    private static boolean readAll(Path file, NDManager parent) {
        try (NDManager manager = parent.newSubManager();
                Checkpoint checkpoint = Checkpoint.open(file)) {
            for (String name : checkpoint.names()) {
                long[] shape = checkpoint.read(manager, name).getShape().getShape();
                check(Arrays.equals(shape, checkpoint.shape(name)), name);
            }
            check(!checkpoint.metadata().containsValue("absent"), "every value can be compared");
            return true;
        } catch (IOException | IllegalArgumentException e) {
            check(String.valueOf(e.getMessage()).contains(file.toString()), String.valueOf(e.getMessage()));
            return false;
        }
    }

    /** Plain, because it is called more than a hundred thousand times. */
    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    private static byte[] mutate(byte[] seed, Random random) {
        byte[] bytes = seed.clone();
        int changes = 1 + random.nextInt(3);
        for (int c = 0; c < changes; c++) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(7)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes[at] = (byte) random.nextInt(256);
                case 2 -> bytes = Arrays.copyOf(bytes, Math.max(1, at));
                case 3 -> bytes = Arrays.copyOf(bytes, bytes.length + random.nextInt(64));
                case 4 -> overwrite(bytes, at, 8, EXTREMES[random.nextInt(EXTREMES.length)]);
                case 5 -> overwrite(bytes, at & -4, 4, EXTREMES[random.nextInt(EXTREMES.length)]);
                default -> swap(bytes, at, random.nextInt(bytes.length), 1 + random.nextInt(32));
            }
        }
        return bytes;
    }

    private static void overwrite(byte[] bytes, int at, int width, long value) {
        byte[] number = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array();
        System.arraycopy(number, 0, bytes, at, Math.min(width, bytes.length - at));
    }

    private static void swap(byte[] bytes, int a, int b, int length) {
        int count = Math.min(length, bytes.length - Math.max(a, b));
        byte[] first = Arrays.copyOfRange(bytes, a, a + count);
        System.arraycopy(bytes, b, bytes, a, count);
        System.arraycopy(first, 0, bytes, b, count);
    }
}
