"""Low-rank factorization within a compression: layer by layer, kept only where it pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparsecomp.compression.factorize import candidates, factorize_layer, replace_layer
from sparsecomp.compression.projection import Support

if TYPE_CHECKING:
    from sparsecomp.compression.loop import Run

TRIED = 2  # ranks a layer


def factorize(context: Run) -> dict[str, tuple[int, ...]]:
    """Replaces layers by thinner ones, largest first, each trained for an epoch; the ranks by module path.

    Kept where the measure (or the peak of live activations, where the measure counts it) falls, and the metric on
    validation data by at most ``factorize_drop``; taken back otherwise.
    """
    network, method = context.network, context.method
    kept: dict[str, tuple[int, ...]] = {}
    sizes = context.goal.layer_sizes(network)
    order = sorted(network.layers, key=lambda layer: -sizes[layer.name])
    for layer in order:
        path = layer.weight.rpartition(".")[0]
        module = network.model.get_submodule(path)
        for ranks in candidates(module)[:TRIED]:
            size = context.measure(network.current())
            reference = context.trainer.evaluate(context.val, context.metric).metric
            before = {k: v.detach().clone() for k, v in network.model.state_dict().items()}
            new = factorize_layer(module, ranks)
            if new is None:
                continue
            old = replace_layer(network.model, path, new)
            _renew(context)
            if context.measure(network.current()) < size:
                context.trainer.epoch(0.1, 0.1, False, lambda done, total: context.progress("factorizing", done, total))
                metric = context.trainer.evaluate(context.val, context.metric).metric
                if reference - metric <= method.factorize_drop:
                    kept[path] = tuple(ranks)
                    context.log(f"factorized {path} to ranks {ranks}: validation {metric:.4f}")
                    break
            replace_layer(network.model, path, old)
            network.model.load_state_dict(before)
            _renew(context)
    return kept


def repeat(context: Run, ranks: dict[str, tuple[int, ...]]) -> None:
    """The same replacements again, without training: a checkpoint fills in the values."""
    for path, values in ranks.items():
        new = factorize_layer(context.network.model.get_submodule(path), values)
        assert new is not None
        replace_layer(context.network.model, path, new)
    if ranks:
        _renew(context)


def _renew(context: Run) -> None:
    network = context.network
    network.retrace()
    network.supports = {layer.name: Support.full(network.weight(layer)) for layer in network.layers}
    context.look_again()
