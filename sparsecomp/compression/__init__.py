"""SparseComp: a trained network made small and sparse, to a byte budget of the device.

``compress`` is the call; ``Method`` holds every choice of the algorithm. Torch is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sparsecomp.compression.method import Method
from sparsecomp.compression.result import AnswerRecord, CompressionResult, LayerRecord, StepRecord
from sparsecomp.metrics import Metric, top1

__all__ = ["AnswerRecord", "CompressionResult", "LayerRecord", "Method", "StepRecord", "compress", "compress_NN_models"]


def compress(
    model: Any,
    train: Any,
    val: Any = None,
    *,
    target: float | None = None,
    board: str | None = None,
    sparsity: float | None = None,
    test: Any = None,
    method: Method | None = None,
    max_drop: float | None = None,
    spare: float = 0.0,
    size_model: str = "encoded",
    encoding: str = "auto",
    volatile_input: bool = False,
    metric: Metric = top1,
    criterion: Callable[[Any, Any], Any] | None = None,
    prepare_inputs: Callable[[Any], Any] | None = None,
    preprocess: Any = None,
    calibration: Any = None,
    device: str = "cpu",
    seed: int = 0,
    fast: bool = False,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    log: Callable[[str], None] = lambda line: None,
    watch: Callable[[StepRecord], None] = lambda record: None,
) -> CompressionResult:
    """Compresses ``model`` (torch.nn.Module) in place until it meets a target, retraining it on ``train``.

    One of: ``target`` in KB (1000 bytes) of encoded weights; ``board``, whose FRAM must hold the whole firmware with
    the share ``spare`` left; ``sparsity``, the fraction of weights that are zero. ``size_model='origin'`` counts the
    target as published (8 bytes a float non-zero).

    ``train``, ``val`` and ``test`` are DataLoaders, lists of batches (inputs, labels) or arrays (x, y). Validation data
    decide everything; ``calibration`` (floats as the network reads them, one array an input; default: training
    samples) is what exponents are chosen on. Without validation data a tenth of the training data is held out.
    Test data are read once, at the end.
    ``max_drop`` is how much of the metric may be lost: where the target would cost more, compression stops before it.

    A network answers with one tensor. With exits it returns a tuple of tensors of one shape, in the order of
    computation, the whole network's answer last: all are trained and count, by ``Method.exit_weights``. Of any other
    tuple, such as (logits, [maps]), the first is the answer.

    ``metric`` is better where it is higher. ``log`` gets a line after each step, ``watch`` its record; either may raise
    to end the run.

    ``checkpoint`` is a folder that each step is saved to; with ``resume`` a run that was killed goes on from there, to
    the same result. Raises InputError, DoesNotFitError (which names the smallest size that can be reached),
    ConversionError where the network cannot be traced.
    """
    from sparsecomp.frontend.capture import need_torch

    need_torch()
    from sparsecomp.compression.running import Options, run

    options = Options(
        target=target, board=board, sparsity=sparsity, spare=spare, size_model=size_model, encoding=encoding,
        volatile_input=volatile_input, metric=metric, criterion=criterion, prepare_inputs=prepare_inputs,
        preprocess=preprocess, calibration=calibration, device=device, seed=seed, fast=fast, checkpoint=checkpoint,
        resume=resume, progress=progress, log=log, watch=watch, max_drop=max_drop,
    )  # fmt: skip
    return run(model, train, val, test, method or Method(), options)


def compress_NN_models(  # noqa: N802 (the published name)
    model: Any,
    target_size: float,
    train_loader: Any,
    test_loader: Any,
    val_loader: Any = None,
    num_epochs: int = 10,
    learning_rate: float = 0.001,
    criterion: Callable[[Any, Any], Any] | None = None,
    regularizerParam: float = 0.0,  # noqa: N803 (published names)
    compressionStep: float = 0.1,  # noqa: N803
    initialCompressionStep: float = 0.1,  # noqa: N803
    fastCompression: bool = False,  # noqa: N803
    modelName: str | None = "compressed_model",  # noqa: N803
    device: str = "cpu",
    accuracyAware: bool = True,  # noqa: N803
    layersFactorization: bool = True,  # noqa: N803
    calculateInputs: Callable[[Any], Any] | None = None,  # noqa: N803
) -> float:
    """The published call: compresses ``model`` in place to ``target_size`` KB, and returns its final size in bytes.

    Sizes are encoded bytes on the device, of 1000 to a KB. Each step takes the fraction ``compressionStep`` of the
    size away (the first ``initialCompressionStep``) and trains ``num_epochs`` epochs; ``fastCompression`` takes all
    steps first and trains once. ``regularizerParam`` times the sum of squared weights is added to the loss.
    ``accuracyAware`` rolls a step back that costs 5 points, and spares its layer from there on. ``layersFactorization``
    tries low ranks, and keeps them where they pay. ``calculateInputs`` is applied to each batch of inputs. Writes
    ``<modelName>_<KB>.pt``, which every command takes; None writes nothing.

    Without ``val_loader`` a tenth of the training data validates; the test data are read once, at the end. Raises
    InputError, DoesNotFitError.
    """
    from sparsecomp.frontend.capture import need_torch

    need_torch()
    from sparsecomp.compression.published import compress_in_place

    return compress_in_place(
        model, target_size, train_loader, test_loader, val_loader, num_epochs=num_epochs, learning_rate=learning_rate,
        criterion=criterion, regularizerParam=regularizerParam, compressionStep=compressionStep,
        initialCompressionStep=initialCompressionStep, fastCompression=fastCompression, modelName=modelName,
        device=device, accuracyAware=accuracyAware, layersFactorization=layersFactorization,
        calculateInputs=calculateInputs,
    )  # fmt: skip
