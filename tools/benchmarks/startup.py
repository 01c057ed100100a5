"""Start-up times of ``import sparsecomp`` and of the light verbs, each the best of several fresh processes, as JSON.

``python -m sparsecomp_tools.benchmarks.startup [--runs N]``. ``ratio`` is the time over that of an empty Python.
"""

import json
import subprocess
import sys
import time

import click

CASES = {
    "python": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import sparsecomp": ["-c", "import sparsecomp"],
    "sparsecomp --version": ["-m", "sparsecomp.cli", "--version"],
    "sparsecomp --help": ["-m", "sparsecomp.cli", "--help"],
    "sparsecomp boards list": ["-m", "sparsecomp.cli", "boards", "list"],
    "sparsecomp boards show": ["-m", "sparsecomp.cli", "boards", "show", "msp430fr5994"],
    "sparsecomp deploy --help": ["-m", "sparsecomp.cli", "deploy", "--help"],
}


def measure(arguments: list[str], runs: int) -> float:
    """Seconds of wall time of the quickest of ``runs`` processes."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


@click.command()
@click.option("--runs", type=click.IntRange(min=1), default=5, show_default=True)
def main(runs: int) -> None:
    """Measure how long the package and its light verbs take to start."""
    seconds = {name: measure(arguments, runs) for name, arguments in CASES.items()}
    cases = [
        {"name": name, "ms": round(value * 1e3, 1), "ratio": round(value / seconds["python"], 2)}
        for name, value in seconds.items()
    ]
    print(json.dumps({"report": "startup", "version": 1, "runs": runs, "cases": cases}, indent=2))


if __name__ == "__main__":
    main()
