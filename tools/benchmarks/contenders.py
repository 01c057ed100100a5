"""The methods that the compression benchmark compares, all with the same epochs, number formats and byte counts."""

from dataclasses import replace

from sparsecomp.compression import Method

STEPS, FINETUNE = 12, 8  # epochs in all: 20
# A step that is rolled back would be trained twice: more epochs than the others get.
OURS = Method(steps=STEPS, epochs=1, finetune=FINETUNE, accuracy_aware=False)
# Gradual global magnitude pruning (Zhu and Gupta, 2017) with distillation: pruned weights stay pruned.
GRADUAL = replace(OURS, score="magnitude", support="frozen", channels=False)
# The published loop: the largest layer loses its smallest weights, which may come back; no teacher. Its first factor of
# ten a step would leave nothing to compare, so it falls by equal fractions, as many steps as the others take.
PUBLISHED = replace(OURS, selection="largest", schedule="geometric", channels=False, distill=0.0, score="magnitude")
CONTENDERS = {"ours": OURS, "gradual": GRADUAL, "published": PUBLISHED}

# Ours with three times the epochs, for the smallest size at a given loss.
LONG = "ours, 60 epochs"
PATIENT = replace(OURS, steps=24, finetune=36)

# Ours without one part at a time.
ABLATION = {
    "all parts": {},
    "without removing filters": {"channels": False},
    "filters weighed by the bytes they save": {"price": "bytes"},
    "magnitude instead of LAMP": {"score": "magnitude"},
    "sensitivity instead of LAMP": {"score": "sensitivity"},
    "pruned weights stay pruned": {"support": "frozen"},
    "equal fractions instead of a cubic schedule": {"schedule": "geometric"},
    "without distillation": {"distill": 0.0},
    "without int8 in the loop": {"quantize": False},
    "biases as wide as exact": {"bias": False},
    "with factorization": {"factorize": True},
}


def method_for(name: str, start: float, target: float) -> Method:
    """The method of a contender or a part of the ablation, for a network of ``start`` bytes."""
    if name == LONG:
        return PATIENT
    method = CONTENDERS[name] if name in CONTENDERS else replace(OURS, **ABLATION[name])
    if method.schedule == "geometric":
        share = 1 - (target / start) ** (1 / STEPS)
        method = replace(method, step=share, first_step=share)
    return method
