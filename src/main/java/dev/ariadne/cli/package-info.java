/**
 * The library as a command, for scripts: {@code ariadne next MODEL PROMPT}, {@code ariadne acdc}, {@code ariadne view GRAPH}; {@code ariadne
 * conformance DIR} compares it with values recorded from other programs.
 */
@NullMarked
package dev.ariadne.cli;

import org.jspecify.annotations.NullMarked;
