/**
 * Shows displayable objects in the Jupyter kernels JJava and IJava, and live progress; without a kernel, prints text.
 *
 * <p>It is the only package that names a kernel. {@link dev.ariadne.notebook.Notebook} and {@link
 * dev.ariadne.notebook.NotebookHost} hold no kernel type, so that they load on a plain JVM; the adapters are loaded by
 * name, where the kernel's classes are there, and a kernel that has changed degrades to text.
 *
 * <p>Start reading at {@link dev.ariadne.notebook.Notebook}.
 */
@NullMarked
package dev.ariadne.notebook;

import org.jspecify.annotations.NullMarked;
