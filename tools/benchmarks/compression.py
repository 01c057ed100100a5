"""``python -m sparsecomp_tools.benchmarks.compression --data DIR``: ours against two rivals, at equal bytes and epochs.

Two single-thread workers; every job is a file in ``--work``, so a run that was stopped goes on. ``--quick`` takes one
fold of the two smallest tasks. Prints tables and writes a summary as JSON.
"""

import itertools
import json
import multiprocessing
import sys
from pathlib import Path

import click

from sparsecomp.cli import style
from sparsecomp.errors import SparseCompError
from sparsecomp.frontend.saving import write_atomically
from sparsecomp_tools.benchmarks.compressing import Job, do
from sparsecomp_tools.benchmarks.compression_report import lines, merged, summary
from sparsecomp_tools.benchmarks.contenders import ABLATION, CONTENDERS, LONG
from sparsecomp_tools.benchmarks.tasks import TASKS

# Tried, from the largest on, for the largest ratio with at most a point lost.
HEADLINE = {"mnist": (2600, 2300, 2000), "fashion": (6400, 5400, 4600), "har": (4000, 2000), "digits": (4000, 2000)}
ABLATED = (("fashion", 0), ("fashion", 1), ("fashion", 2))  # (task, fold), at 2 KB
QUICK = (("fashion", 0), ("har", 0))


def jobs(quick: bool) -> list[Job]:
    """Everything to do, in an order in which a part of it already says something."""
    if quick:
        folds = list(QUICK)
        found = [Job(task, fold, "float") for task, fold in folds]
        return found + [Job(t, f, m, b) for (t, f), b, m in itertools.product(folds, (4000, 2000), CONTENDERS)]
    folds = [(name, fold) for fold in range(6) for name, task in TASKS.items() if fold < task.folds]
    found = [Job(task, fold, "float") for task, fold in folds]
    found += [Job(t, f, m, b) for b in (2000, 4000) for t, f in folds for m in CONTENDERS]
    found += [Job(task, fold, LONG, HEADLINE[task][i]) for i in (0, 1) for task, fold in folds]
    found += [Job(t, f, m, 8000) for t, f in folds for m in CONTENDERS]
    found += [Job(t, f, part, 2000) for t, f in ABLATED for part in ABLATION if part != "all parts"]
    return found + [Job(t, f, LONG, size) for t, f in folds for size in HEADLINE[t][2:]]


def _work(arguments: tuple[Job, Path | None, Path]) -> str:
    job, data, folder = arguments
    do(job, data, folder)
    return job.key


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of arrays; see benchmarks.data.")
@click.option("--work", type=click.Path(path_type=Path), default=Path("build/compression"), show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Summary (JSON); tasks not run now stay in it.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--quick", is_flag=True, help="One fold of two tasks, two budgets.")
@click.option("--task", "names", multiple=True, type=click.Choice(list(TASKS)), help="Only these tasks.")
def main(data: Path, work: Path, out: Path | None, workers: int, quick: bool, names: tuple[str, ...]) -> None:
    """Compress four tasks to real byte budgets, by our method and two rivals."""
    work.mkdir(parents=True, exist_ok=True)
    wanted = [job for job in jobs(quick) if not names or job.task in names]
    progress = style.Progress()
    try:
        # A new process for each job: no state of one training reaches another.
        with multiprocessing.get_context("spawn").Pool(workers, maxtasksperchild=1) as pool:
            tasks = ((job, data, work) for job in wanted)
            for count, key in enumerate(pool.imap_unordered(_work, tasks), 1):
                progress.note = key
                progress("compressing", count, len(wanted))
    except SparseCompError as error:
        style.show_error(error.message, error.hint)
        sys.exit(error.exit_code)
    found = summary(wanted, work)
    if out is not None and out.exists():
        found = merged(json.loads(out.read_text()), found)
    style.show_lines(lines(found))
    if out is not None:
        write_atomically(out, (json.dumps(found, indent=1, sort_keys=True) + "\n").encode())


if __name__ == "__main__":
    main(prog_name="python -m sparsecomp_tools.benchmarks.compression")
