"""bench/run: times the library and its peers turn by turn, in one run. Standard library only."""

import argparse
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from shutil import which
from statistics import median
from time import monotonic

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "target" / "bench"
PEERS = ("eager", "transformerlens")
GENERATION_PEERS = ("transformers",)
TRAINING_PEERS = ("eager",)
WARM_UP = 3  # runs, and seconds
SHORT, LONGEST = 1500, 15  # runs of what is shorter than a turn, or seconds: a JVM compiles what it runs often
COMPILED, MOST = 0.01, 30  # of its time a JVM may still compile when timing begins, after so many seconds at most
MEMORY = {  # as ./run gives the notebooks' kernel; the peers get the same
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "8388608",
    "MALLOC_TRIM_THRESHOLD_": "268435456",
}
TURN = 300  # ms: what is shorter is run several times in a row, since a worker that waited finds cold caches
BRIEF, PROCESSES = 20, 3  # ms, and how often each side starts anew for a case that takes less
TURNS = 3  # of attribution graphs and interventions, each a process that makes several
TOLERANCE = 1e-3  # relative; the two sides add up in different orders

HELP = """\
Each result is one line: name <tab> value <tab> unit <tab> peer value <tab> ratio, medians in ms. The ratio is the median
of the ratios of neighbouring turns, below 1 where this library is faster; '-' where there is no peer. A turn of what takes
less than 300 ms is the median of several runs in a row, on each side as many; what takes less than 20 ms is timed in three
processes of each side, one after the other, and the median of these is taken.
A name is CASE/THREADSt/PEER, for example forward/gpt2/1x20/1t/eager; NAME selects those that begin with it.
ACDC is timed only when asked for: acdc, or acdc/tiny, acdc/gpt2, acdc/growth; its searches run once, without peers.
Attribution graphs too: attribution/gpt2, attribution/growth, attribution/long (2,000 tokens), and interventions on features:
intervention/gpt2; in CPU seconds. With a Python that has circuit-tracer (pip install circuit-tracer), --python times it on
the same weights and transcoders.
For peers: python3 -m venv peer && peer/bin/pip install -r bench/requirements.txt, then --python peer/bin/python.
"""


def environment(threads):
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BENCH_THREADS")
    return {**MEMORY, **os.environ, "OPT_OUT_TRACKING": "true", "DJL_OFFLINE": "true", **dict.fromkeys(names, str(threads))}


class Worker:
    """A process that answers one line per line: bench/Bench.java or bench/peer.py."""

    def __init__(self, command, threads):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(threads), cwd=ROOT
        )

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer or answer.startswith("error"):
            raise RuntimeError(f"{self.process.args[0]} on '{line}': {answer or 'ended without an answer'}")
        return answer

    def run(self):
        return float(self.ask("run"))

    def close(self):
        try:
            self.process.stdin.close()  # end of input ends the worker
            self.process.wait(timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


def note(text):
    print(f"[bench] {text}", file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(
        prog="bench/run", epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="beginnings of names (default: every benchmark)")
    parser.add_argument("--python", metavar="PY", help="a Python with the packages of bench/requirements.txt")
    parser.add_argument("--runs", type=int, default=9, metavar="N", help="timed runs of each, turn by turn (9)")
    parser.add_argument("--threads", default="1,2", metavar="LIST", help="numbers of threads (1,2)")
    parser.add_argument("--list", action="store_true", help="list the names and stop")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error(f"--runs must be at least 1, got {options.runs}")
    if options.python and not which(options.python):
        parser.error(f"--python must name a Python that can be started, got '{options.python}'")
    try:
        options.threads = [int(count) for count in options.threads.split(",")]
    except ValueError:
        parser.error(f"--threads must be numbers with commas between them, got '{options.threads}'")
    return options


def build():
    """The command that starts Java with the library and the compiled benchmarks on its class path."""
    for tool, remedy in (("javac", "install a JDK 17 or later"), ("mvn", "install Maven 3.8 or later")):
        if not which(tool):
            raise SystemExit(f"[bench] missing: {tool}; {remedy}")
    maven = ["mvn", "-B", "-q", "-ntp", "-Pquick", "package"]
    done = subprocess.run(maven, cwd=ROOT, stdout=sys.stderr)
    if done.returncode != 0:
        raise SystemExit(f"[bench] failed: {' '.join(maven)}")
    quick = ROOT / "target" / "quick"
    path = f"{quick / 'classes'}{os.pathsep}{(quick / 'classpath.txt').read_text().strip()}"
    classes = DATA / "classes"
    classes.mkdir(parents=True, exist_ok=True)
    sources = sorted(str(source) for source in (ROOT / "bench").glob("*.java"))
    subprocess.run(["javac", "--release", "17", "-cp", path, "-d", str(classes), *sources], check=True)
    return ["java", "-cp", f"{classes}{os.pathsep}{path}", f"-Dariadne.bench.data={DATA}"]


def java_command(java, threads):
    # the collector that ./run gives the notebooks' kernel
    return [*java, "-XX:+UseSerialGC", f"-Dai.djl.pytorch.num_threads={threads}", "-Dai.djl.pytorch.num_interop_threads=1", "Bench"]


def wanted(name, selected):
    return not selected or any(name == start or name.startswith(start.rstrip("/") + "/") for start in selected)


def peers_of(case):
    return {"generate": GENERATION_PEERS, "train": TRAINING_PEERS, "prune": TRAINING_PEERS}.get(case.split("/")[0], PEERS)


def matching(case, threads, peers, selected):
    """The names asked for of one case, as (name, peer or None)."""
    base = f"{case}/{threads}t"
    if not peers:  # a name with a peer still means the case, which then stands alone
        asked = not selected or wanted(base, selected) or any(start.startswith(base + "/") for start in selected)
        return [(base, None)] if asked else []
    return [(f"{base}/{peer}", peer) for peer in peers if wanted(f"{base}/{peer}", selected)]


def load(worker, case, who):
    """The figure that the sides must agree on, or None where the case cannot run."""
    answer = worker.ask(f"load {case}")
    if answer.startswith("ok "):
        return float(answer[3:])
    note(f"skipped {case} for {who}: {answer[5:]}")
    return None


def agree(one, other):
    return one != one or other != other or abs(one - other) <= TOLERANCE * max(abs(one), abs(other))  # NaN: no figure


def compile_all(java):
    """Runs until the JVM has compiled what it will compile: before, its compiler takes a core from the model."""
    start = monotonic()
    while monotonic() - start < MOST:
        began, before = monotonic(), float(java.ask("compiled"))
        while monotonic() - began < 5:
            java.run()
        if float(java.ask("compiled")) - before <= COMPILED * 1e3 * (monotonic() - began):
            return


def measure(case, workers, runs):
    """The figure of each side, and the times of its turns; nothing where Java cannot run the case."""
    figures = {peer: load(worker, case, peer or "java") for peer, worker in workers.items()}
    if figures[None] is None:
        return {}, {}
    turns = [peer for peer, figure in figures.items() if figure is not None]
    warm, start, longest = 0, monotonic(), 0
    while (
        warm < WARM_UP
        or monotonic() - start < WARM_UP * len(turns)
        or (longest < TURN and warm < SHORT and monotonic() - start < LONGEST * len(turns))
    ):
        longest = max([workers[peer].run() for peer in turns])
        warm += 1
    if longest < 1000:
        compile_all(workers[None])
    repeats = max(1, round(TURN / max(1, workers[None].run())))
    times = {peer: [] for peer in turns}
    for _ in range(runs):
        for peer in turns:
            times[peer].append(median(workers[peer].run() for _ in range(repeats)))
    return figures, times


def report(names, rounds):
    """Prints the lines of one case, medians over its processes; returns whether all sides found the same figure."""
    same = True
    for name, peer in names:
        value, other, ratio = f"{median(median(times[None]) for _, times in rounds):.3f}", "-", "-"
        if peer is not None and peer in rounds[0][1]:
            other = f"{median(median(times[peer]) for _, times in rounds):.3f}"
            ratios = [median(a / b for a, b in zip(times[None], times[peer])) for _, times in rounds]
            ratio = f"{median(ratios):.3f}"
            if len(ratios) > 1:
                note(f"{name}: by process {', '.join(f'{one:.3f}' for one in ratios)}")
            one, another = rounds[0][0][None], rounds[0][0][peer]
            if not agree(one, another):
                note(f"{name}: the two sides differ: {one:g} and {another:g}")
                same = False
        print(name, value, "ms", other, ratio, sep="\t", flush=True)
    return same


class Workers(dict):
    """The process of Java, under None, and those of the peers."""

    def __init__(self, java, peers, threads, options):
        super().__init__({None: Worker(java_command(java, threads), threads)})
        for peer in sorted(peers):
            self[peer] = Worker([options.python, str(ROOT / "bench" / "peer.py"), peer, str(DATA)], threads)

    def close(self):
        for worker in self.values():
            worker.close()


def rounds_of(case, peers, start, runs):
    """Measures a case; what takes a few ms in several processes, since where a process has its memory is worth a tenth."""
    rounds = []
    while not rounds or (peers and len(rounds) < PROCESSES and rounds[0][1] and median(rounds[0][1][None]) < BRIEF):
        with closing(start(peers)) as workers:
            rounds.append(measure(case, workers, runs))
    return rounds


def run_threads(java, cases, threads, options):
    plan = [
        (case, matching(case, threads, peers_of(case) if options.python else (), options.names)) for case in cases
    ]
    plan = [(case, names) for case, names in plan if names]
    same = True
    for case, names in plan:
        peers = {peer for _, peer in names if peer}
        rounds = rounds_of(case, peers, lambda used: Workers(java, used, threads, options), options.runs)
        if rounds[0][1]:
            same &= report(names, rounds)
    return bool(plan), same


def gather(command, figures):
    """Runs a process and adds each line that it prints, name, value and unit, to the figures by name."""
    done = subprocess.run(command, check=True, cwd=ROOT, env=environment(1), stdout=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        name, value, unit = line.split("\t")
        figures.setdefault(name, ([], unit))[0].append(float(value))


def features(java, names, options):
    """Attribution graphs and interventions, on one thread; beside circuit-tracer, turn by turn, where the Python given has it."""
    same = True
    for name in names:  # each in a process of its own: its peak of memory is a figure
        own, other = {}, {}
        kind = name.split("/")[0]
        beside = options.python and f"{kind}/gpt2".startswith(name)
        for turn in range(min(options.runs, TURNS) if beside else 1):
            gather([*java_command(java, 1), f"--{kind}", name], own)
            if beside:
                note(f"{name}: turn {turn + 1} of circuit-tracer, a minute or two")
                gather([options.python, str(ROOT / "bench" / f"{kind}_peer.py"), str(DATA)], other)
        for key, (values, unit) in own.items():
            against = other.get(key)
            ratio = f"{median(a / b for a, b in zip(values, against[0])):.3f}" if against else "-"
            print(key, f"{median(values):.6g}", unit, f"{median(against[0]):.6g}" if against else "-", ratio, sep="\t", flush=True)
            if against and not unit and not agree(median(values), median(against[0])):
                note(f"{key}: the two sides differ")
                same = False
    return same


def main():
    options = arguments()
    java = build()
    cases = subprocess.run([*java, "Bench", "--list"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    if options.list:
        for case in cases:
            for threads in options.threads:
                for peer in peers_of(case):
                    print(f"{case}/{threads}t/{peer}")
        return 0
    note("random weights and class files are in target/bench")
    subprocess.run([*java, "Bench", "--weights"], check=True)
    acdc = [name for name in options.names if name.split("/")[0] == "acdc"]
    for threads in options.threads if acdc else []:  # minutes each, so only when asked for
        note(f"ACDC on {threads} thread{'s' if threads > 1 else ''}, each search once")
        subprocess.run([*java_command(java, threads), "--acdc", *acdc], check=True, cwd=ROOT, env=environment(threads))
    graphs = [name for name in options.names if name.split("/")[0] in ("attribution", "intervention")]
    same = features(java, graphs, options)
    if options.names and len(acdc) + len(graphs) == len(options.names):
        return 0 if same else 1
    results = [run_threads(java, cases, threads, options) for threads in options.threads]
    if not any(ran for ran, _ in results):
        note(f"no benchmark is named {' or '.join(options.names)}; bench/run --list names them")
        return 2
    return 0 if same and all(agreed for _, agreed in results) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as problem:
        note(f"failed: {problem}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
