/**
 * Files to named arrays: safetensors and GGUF checkpoints, read with bounded memory and with every header field checked
 * against the file's size before anything is allocated. Start at {@link dev.ariadne.model.weights.Checkpoint}; the two
 * header readers ({@code Safetensors}, {@code Gguf}) produce the same list of entries, {@code TensorReader} turns one
 * entry into an array, and {@code ShardIndex} says which of several files has which. The block formats of
 * {@code Dequantize} follow the GGUF format as real files use it. {@link dev.ariadne.model.weights.Hub} finds or fetches
 * the files of a model by its name.
 */
@NullMarked
package dev.ariadne.model.weights;

import org.jspecify.annotations.NullMarked;
