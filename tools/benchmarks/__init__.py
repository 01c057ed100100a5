"""Measurements. Each prints JSON; ratios are taken within one run."""
