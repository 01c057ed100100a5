"""``python -m sparsecomp_tools.demo --out DIR``: trains the demo network; writes model.pt, train.npz and test.npz."""

from pathlib import Path

import click
import numpy as np

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.datasets import load_fashion


@click.command(cls=GuardedCommand)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for model.pt.")
@click.option("--epochs", type=click.IntRange(min=1), default=30, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def main(out: Path, epochs: int, seed: int) -> None:
    """Train a CNN on 5000 images of Fashion-MNIST and save it with the 1000 held-out ones, in and beside it."""
    import torch

    import sparsecomp
    from sparsecomp.wire import Wire
    from sparsecomp_tools.demo.network import accuracy, train

    # One core: sums in another order would give another network on another machine.
    torch.set_num_threads(1)
    x_train, y_train, x_test, y_test = load_fashion()
    network = train(x_train, y_train, epochs=epochs, seed=seed, progress=style.Progress())
    out.mkdir(parents=True, exist_ok=True)
    sparsecomp.save(
        network,
        out / "model.pt",
        torch.zeros(1, 1, 28, 28),
        calibration=x_train[:256, None],
        samples=x_test[:, None],
        labels=y_test,
        preprocess=Wire("u8", scale=1 / 255),
    )
    np.savez_compressed(out / "test.npz", x=x_test[:, None], y=y_test)
    np.savez_compressed(out / "train.npz", x=x_train[:, None], y=y_train)
    share = accuracy(network, x_test, y_test)
    style.show_lines([f"{out / 'model.pt'}: {share:.1%} of the {len(y_test)} held-out images in floating point"])


if __name__ == "__main__":
    main(prog_name="python -m sparsecomp_tools.demo")
