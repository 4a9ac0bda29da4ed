package dev.ariadne.model.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.model.weights.TestFiles.Bytes;
import dev.ariadne.model.weights.TestFiles.GgufTensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class DamagedFilesTest {
    @TempDir
    Path folder;

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void namesTheLieInASafetensorsHeader(String expected, String header, int dataBytes) throws IOException {
        refuses("lie.safetensors", TestFiles.safetensors(header, new byte[dataBytes]), expected);
    }

    static Stream<Arguments> namesTheLieInASafetensorsHeader() {
        String a = "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}";
        return Stream.of(
                Arguments.of("F32 [2] takes 8 bytes", tensor("F32", "2", "0,4"), 4),
                Arguments.of("data_offsets [0, 8]", tensor("F32", "2", "0,8"), 4),
                Arguments.of("data_offsets [4, 0]", tensor("F32", "1", "4,0"), 4),
                Arguments.of("must have dtype, shape and two data_offsets", tensor("F32", "1", "0"), 4),
                Arguments.of("has more than 2 numbers", tensor("F32", "1", "0,4,8"), 4),
                Arguments.of("has more than 8 numbers", tensor("F32", "1,1,1,1,1,1,1,1,1", "0,4"), 4),
                Arguments.of("does not fit in 60 bits", tensor("F32", "4294967296,4294967296,4294967296", "0,4"), 4),
                Arguments.of("does not fit in 60 bits", tensor("F32", "0,4294967296,4294967296", "0,0"), 0),
                Arguments.of("has a size of 18446744073709551615", tensor("F32", "-1", "0,4"), 4),
                Arguments.of("not the JSON object", tensor("F32", "99999999999999999999999", "0,4"), 4),
                Arguments.of("must be VALUE_NUMBER_INT", tensor("F32", "1.5", "0,4"), 4),
                Arguments.of("nesting depth (4) exceeds", tensor("F32", "[1]", "0,4"), 4),
                Arguments.of("has dtype 'F12'", tensor("F12", "1", "0,4"), 4),
                Arguments.of("Duplicate field 'a'", "{" + a + "," + a + "}", 4),
                Arguments.of("overlap at byte", "{" + a + "," + a.replace("\"a\"", "\"b\"") + "}", 4),
                Arguments.of("no tensor claims byte", "{" + a + "}", 8),
                Arguments.of("has a field 'x'", "{\"a\":{\"x\":1}}", 0),
                Arguments.of("must be START_OBJECT", "{\"a\":1}", 0),
                Arguments.of("goes on after its closing brace", "{} {}", 0),
                Arguments.of("does not begin with '{'", " {}", 0),
                Arguments.of("found START_ARRAY", "{\"a\":" + "[".repeat(50000), 0),
                Arguments.of("not the JSON object", "{\"a\"", 0));
    }

    private static String tensor(String dtype, String shape, String offsets) {
        return "{\"a\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + shape + "],\"data_offsets\":[" + offsets + "]}}";
    }

    @Test
    void checksTheSafetensorsHeaderLengthAgainstTheFile() throws IOException {
        for (long length : new long[] {0, 1, 3, 1L << 40, Long.MAX_VALUE, Long.MIN_VALUE, -1}) {
            byte[] file = new Bytes().u64(length).raw(new byte[] {'{', '}'}).done();
            refuses("length.safetensors", file, "the header length is " + Long.toUnsignedString(length) + " bytes");
        }
        refuses("short.safetensors", new byte[] {1, 2, 3}, "the file ends at byte 3");
        byte[] invalid = TestFiles.safetensors("{\"?\":{}}", new byte[0]);
        invalid[10] = (byte) 0xff;
        refuses("utf8.safetensors", invalid, "not valid UTF-8");
    }

    @Test
    void namesTheLieInAGgufHeader() throws IOException {
        byte[] good = TestFiles.mixedGguf();
        refuses("cut.gguf", Arrays.copyOf(good, 100), "the file ends at byte 100", "but only");
        refuses("cut.gguf", Arrays.copyOf(good, good.length - 1), "tensor 'half' needs 12 bytes");
        refuses("version.gguf", patched(good, 4, 9), "GGUF version 9");
        refuses("tensors.gguf", patched(good, 15, 0xff), "the number of tensors is");
        refuses("pairs.gguf", patched(good, 16, 0xff), "the number of metadata pairs is 255");
        refuses("key.gguf", patched(good, 30, 1), "the length of the metadata key 0 is 281474976710676");
    }

    @Test
    void checksEveryGgufTensorAgainstTheFile() throws IOException {
        refuses("type.gguf", TestFiles.gguf(List.of(), new GgufTensor("t", 10, new byte[4], 1)), "ggml type 10");
        refuses("row.gguf", TestFiles.gguf(List.of(), new GgufTensor("t", 2, new byte[18], 33)), "rows of 33 values");
        refuses("long.gguf", TestFiles.gguf(List.of(), new GgufTensor("t", 0, new byte[4], 2)), "needs 8 bytes");
        refuses(
                "huge.gguf",
                TestFiles.gguf(List.of(), new GgufTensor("t", 0, new byte[4], 1L << 40, 1L << 40)),
                "does not fit in 60 bits");
        refuses(
                "dims.gguf",
                TestFiles.gguf(List.of(), new GgufTensor("t", 0, new byte[4], 1, 1, 1, 1, 1, 1, 1, 1, 1)),
                "has 9 sizes");
        GgufTensor twice = new GgufTensor("t", 0, new byte[4], 1);
        refuses("twice.gguf", TestFiles.gguf(List.of(), twice, twice), "'t' is listed twice");
        byte[] overlapping = TestFiles.gguf(
                List.of(), new GgufTensor("t", 0, new byte[64], 16), new GgufTensor("u", 0, new byte[64], 16));
        int secondOffset = 24 + 33 + 33 - 8; // header, two descriptions, back over the last number
        refuses("overlap.gguf", patched(overlapping, secondOffset, 32), "'t' and 'u' overlap");
        refuses("odd.gguf", patched(overlapping, secondOffset, 33), "offset 33");
    }

    @Test
    void checksEveryGgufMetadataValue() throws IOException {
        pair(new Bytes().string("k").u32(13), "has type 13");
        pair(new Bytes().string("k").u32(8).u64(1L << 50), "the length of the value of 'k' is 1125899906842624");
        pair(
                new Bytes().string("k").u32(9).u32(0).u64(-1),
                "the number of elements in the value of 'k' is 18446744073709551615");
        Bytes deep = new Bytes().string("k").u32(9);
        for (int i = 0; i < 20; i++) {
            deep.u32(9).u64(1);
        }
        pair(deep.u32(0).u64(1).u8(7), "nests arrays deeper than 4");
        pair(new Bytes().string("general.alignment").u32(4).u32(0), "general.alignment is '0'");
        pair(new Bytes().string("k").u32(8).u64(2).raw(new byte[] {(byte) 0xc3, '('}), "not valid UTF-8");
        byte[] flag = new Bytes().string("k").u32(7).u8(1).done();
        refuses("twice.gguf", TestFiles.gguf(List.of(flag, flag)), "metadata key 'k' appears twice");
    }

    private void pair(Bytes pair, String expected) throws IOException {
        refuses("pair.gguf", TestFiles.gguf(List.of(pair.done())), expected);
    }

    @Test
    void saysWhatAFileOfAnotherKindIs() throws IOException {
        refuses("a.bin", "version https://git-lfs.github.com/spec/v1".getBytes(StandardCharsets.UTF_8), "git lfs pull");
        refuses("a.bin", "PK\u0003\u0004 and so on".getBytes(StandardCharsets.UTF_8), "PyTorch pickle");
        refuses("a.gguf", "<!DOCTYPE html>".getBytes(StandardCharsets.UTF_8), "'<!DOCTYPE html>'");
        refuses("a.gguf", new byte[0], "begins with ''");
        Path absent = folder.resolve("absent.gguf");
        assertThatThrownBy(() -> Checkpoint.open(absent))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("absent.gguf: there is no such file");
    }

    private static byte[] patched(byte[] file, int at, int value) {
        byte[] copy = file.clone();
        copy[at] = (byte) value;
        return copy;
    }

    private void refuses(String name, byte[] bytes, String... anyOf) throws IOException {
        Path file = TestFiles.write(folder, name, bytes);
        assertThatThrownBy(() -> Checkpoint.open(file).close())
                .isInstanceOf(IOException.class)
                .hasMessageContaining(file.toString())
                .satisfies(e -> assertThat(anyOf)
                        .as(e.getMessage())
                        .anyMatch(part -> String.valueOf(e.getMessage()).contains(part)));
    }
}
