"""Times the way to the first table of the quickstart: .venv/bin/python tools/first_table.py [RUNS].

From starting the kernel until the next-token table arrives; a line per run with the parts: the kernel, then each cell up to that table.
"""

import os
import statistics
import sys
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "quickstart.ipynb"
TABLE = "next token after"


def once(sources: list) -> list:
    """Seconds of each part."""
    marks = [time.monotonic()]
    manager, client = start_new_kernel(kernel_name="java", startup_timeout=120, cwd=str(NOTEBOOK.parent))
    marks.append(time.monotonic())
    try:
        for source in sources:
            shown = []

            def hook(message, shown=shown):
                data = message["content"].get("data", {})
                if message["msg_type"] == "error":
                    raise RuntimeError(message["content"]["evalue"])
                shown.append(data.get("text/plain", ""))

            client.execute_interactive(source, timeout=300, output_hook=hook)
            marks.append(time.monotonic())
            if any(text.startswith(TABLE) for text in shown):
                return [after - before for before, after in zip(marks, marks[1:])]
        raise RuntimeError(f"{NOTEBOOK} shows no table that starts with '{TABLE}'")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    totals = []
    for _ in range(runs):
        parts = once(sources)
        totals.append(sum(parts))
        cells = ", ".join(f"cell {i + 1} {part:.2f}" for i, part in enumerate(parts[1:]))
        print(f"{totals[-1]:.2f} s = kernel {parts[0]:.2f}, {cells}; load {os.getloadavg()[0]:.1f}", flush=True)
    print(f"median of {runs}: {statistics.median(totals):.2f} s")


if __name__ == "__main__":
    os.environ.setdefault("OPT_OUT_TRACKING", "true")
    os.environ.setdefault("DJL_OFFLINE", "true")
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    main()
