"""Executes notebooks in their Java kernel and says how each went: ./run --execute [--inplace | --compare] [NOTEBOOK...]."""

import argparse
import asyncio
import logging
import signal
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

from compare import differences
from fetch_model import smollm2

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "target" / "notebooks"


class Client(NotebookClient):
    """Ends its kernel once: on an interrupt nbclient's signal handler does it, and then nbclient again at the end."""

    cleanups, cleanup = 0, None

    async def _async_cleanup_kernel(self) -> None:
        self.cleanups += 1
        if self.cleanup is None:
            self.cleanup = asyncio.ensure_future(super()._async_cleanup_kernel())
        await self.cleanup

    @property
    def interrupted(self) -> bool:
        return self.cleanups > 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run --execute", description="Execute notebooks without a browser.")
    then = parser.add_mutually_exclusive_group()
    then.add_argument("--inplace", action="store_true", help="write the outputs back into the notebooks")
    then.add_argument("--compare", action="store_true", help="fail where outputs are not those in the notebooks: numbers by 1 %%, pictures by what is in them")
    parser.add_argument("--timeout", type=int, default=600, metavar="S", help="seconds that one cell may take (600)")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all in notebooks/ and tutorials/")
    return parser.parse_args()


def all_notebooks() -> list:
    found = [path for folder in ("notebooks", "tutorials") for path in (ROOT / folder).rglob("*.ipynb")]
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def label(path: Path) -> Path:
    full = path.resolve()
    return full.relative_to(ROOT) if full.is_relative_to(ROOT) else Path(full.name)


def lacking(path: Path):
    """What a notebook says it needs (metadata: ariadne.needs) and is not here, with the remedy; or None."""
    needs = nbformat.read(path, as_version=4).metadata.get("ariadne", {}).get("needs")
    if needs not in (None, "smollm2-135m"):
        return f"needs {needs}, which ./run cannot fetch"
    return None if needs is None or smollm2().is_file() else f"needs {needs}: fetch it with ./run --model"


def drop_emptied(notebook) -> None:
    """Removes the displays that a finished progress bar has emptied: whether there was one depends on the machine."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.output_type != "display_data" or any(o.data.values())]


def failing_cell(notebook):
    """The first cell with an error that was not expected, and that error's message."""
    for cell in notebook.cells:
        if cell.cell_type != "code" or "raises-exception" in cell.metadata.get("tags", []):
            continue
        for output in cell.outputs:
            if output.output_type == "error":
                return cell, output.evalue or output.ename
    return None


def execute(path: Path, timeout: int):
    """The executed notebook, and what went wrong in it, or None."""
    notebook = nbformat.read(path, as_version=4)
    log = RESULTS / label(path).with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    client = Client(
        notebook,
        timeout=timeout,
        startup_timeout=120,
        kernel_name=notebook.metadata.get("kernelspec", {}).get("name", "java"),
        record_timing=False,  # the same outputs make the same file
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    problem = None
    with log.open("w", encoding="utf-8") as kernel_log:
        try:
            client.execute(stdout=kernel_log, stderr=kernel_log)
        except CellExecutionError as error:
            cell, message = failing_cell(notebook) or (None, str(error))
            problem = f"{indent(cell.source)}\n    {message}" if cell else message
        except (CellTimeoutError, DeadKernelError, RuntimeError) as error:
            problem = f"    {str(error).strip()}\n    kernel log: {log}"
    if client.interrupted:
        raise KeyboardInterrupt
    drop_emptied(notebook)
    return notebook, problem


def indent(source: str) -> str:
    return "\n".join("    | " + line for line in source.splitlines())


def save(notebook, path: Path, inplace: bool) -> Path:
    result = RESULTS / label(path)
    nbformat.write(notebook, result)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    result.with_suffix(".html").write_text(html, encoding="utf-8")
    if inplace:
        nbformat.write(notebook, path)
    return result


def interrupt(*_):
    raise KeyboardInterrupt


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, interrupt)  # end the kernel too, not only this process
    notebooks = options.notebooks or all_notebooks()
    absent = [str(path) for path in notebooks if not path.is_file()]
    if absent:
        print(f"[run] no such notebook: {', '.join(absent)}", file=sys.stderr)
        return 2
    failures, skipped = 0, 0
    for path in notebooks:
        missing = lacking(path)
        if missing:
            skipped += 1
            print(f"{'skipped':8} {label(path)}  {missing}", flush=True)
            continue
        start = time.monotonic()
        notebook, problem = execute(path, options.timeout)
        if options.compare and problem is None:
            problem = "\n".join(differences(nbformat.read(path, as_version=4), notebook)) or None
        save(notebook, path, options.inplace and problem is None)
        print(f"{'failed' if problem else 'ok':8} {label(path)}  {time.monotonic() - start:.1f} s", flush=True)
        if problem:
            failures += 1
            print(problem, flush=True)
    executed = len(notebooks) - failures - skipped
    note = f", {skipped} skipped" if skipped else ""
    print(f"[run] {executed} of {len(notebooks)} notebooks executed{note}; results: {RESULTS}")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        logging.disable()  # asyncio would report what was cut short
        print("\n[run] interrupted", file=sys.stderr)
        sys.exit(130)
