package dev.ariadne.model.weights;

import ai.djl.ndarray.types.Shape;

/**
 * One tensor of a file, as its header describes it and as the header readers have checked it.
 *
 * @param name the tensor's name in the file
 * @param type how its values are stored
 * @param shape its sizes in row-major order, slowest first
 * @param elements the product of the sizes
 * @param offset where its bytes begin, from the start of the file
 * @param bytes how many bytes it has
 */
record TensorEntry(String name, StoredType type, Shape shape, long elements, long offset, long bytes) {}
