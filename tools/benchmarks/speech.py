"""Recordings of spoken words changed at random, so that a few speakers stand for many."""

import numpy as np
from scipy.signal import lfilter, resample_poly


def varied(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A recording (samples,) as another speaker might have said it elsewhere: (other number of samples,) float64.

    Played slower or faster by up to 16 %, which moves pitch and formants as well (Ko et al. 2015, doi
    10.21437/Interspeech.2015-711); a gentle filter for the microphone; noise of some colour, 10 to 45 dB below it.
    """
    samples = resample_poly(np.asarray(samples, np.float64), int(random.integers(84, 117)), 100)
    samples = lfilter([1, random.uniform(-0.4, 0.4)], [1], samples)
    noise = lfilter([1], [1, -random.uniform(0, 0.95)], random.standard_normal(len(samples)))
    ratio = 10 ** (-random.uniform(10, 45) / 20)
    return samples + noise * ratio * np.sqrt((samples**2).mean() / max((noise**2).mean(), np.finfo(float).tiny))
