"""``python -m sparsecomp_tools.benchmarks.early_exit --data DIR``: gNet against individual heads, at equal bytes.

Every job (a fold of a task) is a file in ``--work``, so a run that was stopped goes on. ``--quick`` takes one fold of
two tasks. Prints tables and writes a summary as JSON; ``--models`` saves networks with exits for other benchmarks.
"""

import json
import multiprocessing
import sys
from pathlib import Path

import click

from sparsecomp.cli import style
from sparsecomp.errors import SparseCompError
from sparsecomp.frontend.saving import write_atomically
from sparsecomp_tools.benchmarks.early_exit_jobs import EXITS, Job, do
from sparsecomp_tools.benchmarks.early_exit_report import lines, merged, summary
from sparsecomp_tools.benchmarks.tasks import TASKS

QUICK = (Job("fashion", 0), Job("har", 0))


def jobs(quick: bool) -> list[Job]:
    """Everything to do, in an order in which a part of it already says something."""
    if quick:
        return list(QUICK)
    return [Job(name, fold) for fold in range(6) for name in EXITS if fold < TASKS[name].folds]


def _work(arguments: tuple[Job, Path | None, Path, Path | None]) -> str:
    do(*arguments)
    return arguments[0].key


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of arrays; see benchmarks.data.")
@click.option("--work", type=click.Path(path_type=Path), default=Path("build/early_exit"), show_default=True)
@click.option("--models", type=click.Path(path_type=Path), help="Save networks with exits here (Fashion and digits).")
@click.option("--out", type=click.Path(path_type=Path), help="Summary (JSON); tasks not run now stay in it.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--quick", is_flag=True, help="One fold of two tasks.")
@click.option("--task", "names", multiple=True, type=click.Choice(list(TASKS)), help="Only these tasks.")
def main(
    data: Path, work: Path, models: Path | None, out: Path | None, workers: int, quick: bool, names: tuple[str, ...]
) -> None:
    """Add exits to compressed networks of four tasks, at equal bytes for one global head and for individual ones."""
    work.mkdir(parents=True, exist_ok=True)
    wanted = [job for job in jobs(quick) if not names or job.task in names]
    progress = style.Progress()
    try:
        # A new process for each job: no state of one training reaches another.
        with multiprocessing.get_context("spawn").Pool(workers, maxtasksperchild=1) as pool:
            tasks = ((job, data, work, models) for job in wanted)
            for count, key in enumerate(pool.imap_unordered(_work, tasks), 1):
                progress.note = key
                progress("adding exits", count, len(wanted))
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
    main(prog_name="python -m sparsecomp_tools.benchmarks.early_exit")
