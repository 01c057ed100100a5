"""Data to calibrate and to test with: what the package ships, ``.npz`` files, torchvision dataset folders."""

from sparsecomp.datasets.checks import check_classes, check_labels, check_samples, match_shape
from sparsecomp.datasets.files import load_arrays, load_calibration, load_data
from sparsecomp.datasets.shipped import load_fashion

__all__ = [
    "check_classes",
    "check_labels",
    "check_samples",
    "load_arrays",
    "load_calibration",
    "load_data",
    "load_fashion",
    "match_shape",
]
