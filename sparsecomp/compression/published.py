"""The published names: ``compress_NN_models`` with its published arguments, and the utilities beside it.

Arguments mean what they were published to mean. Sizes are the encoded bytes that land in the device's memory;
validation data alone decide, and the test data are read once, at the end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparsecomp.compression import Method, compress
from sparsecomp.compression.feeding import Feed, as_loader
from sparsecomp.compression.projection import keep_largest
from sparsecomp.compression.running import device_of
from sparsecomp.compression.training import evaluate
from sparsecomp.errors import InputError
from sparsecomp.frontend import save
from sparsecomp.metrics import top1

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
FACTORIZE_DROP = 0.01
CALIBRATION = 256


def compress_in_place(
    model: nn.Module, target_size: float, train_loader: Any, test_loader: Any, val_loader: Any, **published: Any
) -> float:
    """See ``sparsecomp.compress_NN_models``."""
    given = published
    if given["modelName"] and not Path(given["modelName"]).absolute().parent.is_dir():
        raise InputError(f"there is no folder for '{given['modelName']}'", "make it, or give another modelName")
    method = Method(
        schedule="geometric",
        step=given["compressionStep"],
        first_step=given["initialCompressionStep"],
        epochs=given["num_epochs"],
        finetune=given["num_epochs"],
        learning_rate=given["learning_rate"],
        regularizer=given["regularizerParam"],
        accuracy_aware=given["accuracyAware"],
        factorize=given["layersFactorization"],
        factorize_drop=FACTORIZE_DROP,
    )
    result = compress(
        model, train_loader, val_loader, target=target_size, test=test_loader, method=method,
        criterion=given["criterion"], prepare_inputs=given["calculateInputs"], device=given["device"],
        fast=given["fastCompression"], log=print,
    )  # fmt: skip
    print("\n".join(result.lines()))
    if given["modelName"]:
        loader = as_loader(train_loader, "training", shuffle=False, seed=0)
        samples = Feed(loader, torch.device("cpu"), given["calculateInputs"]).fixed(CALIBRATION)
        model.to("cpu")
        path = f"{given['modelName']}_{round(result.nbytes / 1000)}.pt"
        save(model, path, tuple(x[:1] for x in samples), calibration=samples)
        model.to(given["device"])
        print(f"saved as {path}")
    return float(result.nbytes)


def layers_of(model: nn.Module) -> dict[str, nn.Module]:
    """Every convolution and linear layer however deeply nested, each once, by its path."""
    return {path or "(network)": module for path, module in model.named_modules() if isinstance(module, LAYERS)}


def compute_sparsity_for_layers(model: nn.Module) -> dict[str, float]:
    """Prints, and gives by layer, the fraction of weights that are zero."""
    found = {}
    for path, layer in layers_of(model).items():
        kept = int(layer.weight.detach().count_nonzero())
        found[path] = 1 - kept / layer.weight.numel()
        print(f"{path}: {found[path]:.2%} zeros, {kept} of {layer.weight.numel()} weights kept")
    return found


def apply_sparsity(model: nn.Module, sparsity: float | Mapping[str, float]) -> nn.Module:
    """Zeroes, in place, the smallest weights: a fraction ``sparsity`` of each layer, or of the layers named. At least
    that many, and no more than rounding asks for; ties are cut. Raises InputError.
    """
    layers = layers_of(model)
    wanted = dict(sparsity) if isinstance(sparsity, Mapping) else dict.fromkeys(layers, float(sparsity))
    for path, share in wanted.items():
        if path not in layers:
            raise InputError(f"the network has no layer '{path}'", "its layers: " + ", ".join(layers))
        if not 0 <= share <= 1:
            raise InputError(f"a sparsity of {share:g} is no fraction of zeros", "give 0 to 1")
        weight = layers[path].weight
        with torch.no_grad():
            weight.mul_(keep_largest(weight, int(weight.numel() * (1 - share) + 1e-9)))
    return model


def print_size_model(model: nn.Module) -> int:
    """Prints the bytes of each layer in the published accounting (4 a float weight, 8 a non-zero one of a sparse layer,
    4 a bias and a pointer; all other parameters and buffers), and gives their sum.
    """
    total, counted = 0, set()
    for path, layer in layers_of(model).items():
        weight, bias = layer.weight, layer.bias
        density = float(weight.detach().count_nonzero()) / weight.numel()
        size = weight.numel() * 4 * min(1.0, 2 * density) + (0 if bias is None else 4 * bias.numel())
        if density <= 0.5:
            size += 4 * (len(weight) if weight.dim() > 2 else weight.shape[1] + 1)
        counted |= {id(t) for t in (weight, bias) if t is not None}
        total += int(size)
        print(f"{path}: {int(size):,} bytes, {density:.2%} of the weights kept")
    others = {id(t): t for t in (*model.parameters(), *model.buffers())}
    rest = sum(t.numel() * t.element_size() for key, t in others.items() if key not in counted)
    print(f"all: {total + rest:,} bytes, {rest:,} of them outside these layers (published accounting)")
    return total + rest


def print_full_model(model: nn.Module) -> None:
    """Prints every parameter and buffer with its shape and values."""
    for name, tensor in model.state_dict().items():
        values = np.array2string(tensor.detach().cpu().numpy(), threshold=sys.maxsize)
        print(f"{name} {tuple(tensor.shape)}\n{values}")


def calculate_accuracy(
    model: nn.Module, loader: Any, device: str = "cpu", calculateInputs: Callable[[Tensor], Tensor] | None = None
) -> float:
    """Percent of the samples of ``loader`` that the network puts into the right class, in eval mode."""
    where = device_of(device)
    feed = Feed(as_loader(loader, "test", shuffle=False, seed=0), where, calculateInputs)
    return 100 * evaluate(model.to(where), feed, top1, lambda y, labels: y.sum() * 0).each[-1]
