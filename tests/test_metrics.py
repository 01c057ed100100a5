"""Top-1 and agreement on answers counted by hand."""

import numpy as np

from sparsecomp.metrics import agreement, top1

OUTPUTS = np.array([[1, 9, 2], [5, 5, 0], [-3, -2, -1], [0, 0, 0]], np.int16)


def test_top1_takes_the_first_of_equal_outputs():
    assert top1(OUTPUTS, np.array([1, 0, 2, 0])) == 1.0
    assert top1(OUTPUTS, np.array([1, 1, 2, 2])) == 0.5
    assert top1(OUTPUTS.reshape(4, 3, 1, 1), np.array([[1], [1], [0], [0]])) == 0.5


def test_agreement_does_not_depend_on_scale():
    assert agreement(OUTPUTS, OUTPUTS.astype(np.float32) / 7) == 1.0
    assert agreement(OUTPUTS, OUTPUTS[[0, 1, 3, 2]]) == 0.5
