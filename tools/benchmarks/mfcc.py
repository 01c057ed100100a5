"""Mel-frequency cepstral coefficients of spoken words, as maps of one size.

Davis and Mermelstein 1980, doi 10.1109/TASSP.1980.1163420; mel scale of O'Shaughnessy 1987; liftering as in HTK
(Young et al., The HTK Book 3.4, section 5.6). Only scipy is needed.
"""

import numpy as np
from scipy.fft import dct
from scipy.signal import stft

RATE = 8000
FRAME, HOP = 200, 100  # 25 ms and 12.5 ms at 8 kHz
FRAMES = 64  # of a map: 812.5 ms, 98 of 100 recordings of the Free Spoken Digit Dataset are shorter
FILTERS, COEFFICIENTS = 26, 13
# The loudest filter of a recording is 0, and what is 40 dB below it counts as silence: speakers' rooms and microphones
# differ below that, and loudness says nothing of the word.
FLOOR = np.log(1e-4)
# Coefficients become smaller with their number; liftered they spread alike, and over 16 by about 1.
LIFTER = (1 + 11 * np.sin(np.pi * np.arange(COEFFICIENTS) / 22)) / 16
# What stands before and after the word: quiet (in the coefficient that is loudness), otherwise like its mean.
PAUSE = np.array([-2.0] + [0.0] * (COEFFICIENTS - 1))
# Counts of int16 a unit: a spoken word stays within 8.
SCALE = 4096


def mel_filters(rate: int = RATE, bins: int = FRAME // 2 + 1, count: int = FILTERS) -> np.ndarray:
    """Triangles (count, bins) of equal width in mel from 60 Hz to half of ``rate`` Hz, over equally spaced bins."""

    def mel(hertz: float | np.ndarray) -> np.ndarray:
        return 2595 * np.log10(1 + np.asarray(hertz) / 700)

    corners = np.linspace(mel(60), mel(rate / 2), count + 2)[:, None]
    at = mel(np.linspace(0, rate / 2, bins))[None]
    rising = (at - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - at) / (corners[2:] - corners[1:-1])
    return np.clip(np.minimum(rising, falling), 0, None)


_TRIANGLES = mel_filters()


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Natural logarithms (frames, FILTERS) of the filters' powers over the loudest one, FLOOR and above."""
    samples = np.asarray(samples, np.float64)
    # A first difference evens out the fall of speech towards high frequencies.
    samples = np.append(samples[:1], samples[1:] - 0.97 * samples[:-1])
    samples = np.pad(samples, (0, max(0, FRAME - len(samples))))
    *_, spectrum = stft(samples, RATE, "hamming", FRAME, FRAME - HOP, boundary=None, padded=False, detrend=False)
    power = _TRIANGLES @ np.abs(spectrum) ** 2
    return np.log(np.maximum(power / max(power.max(), np.finfo(float).tiny), np.exp(FLOOR))).T


def mfcc(samples: np.ndarray, frames: int = FRAMES) -> np.ndarray:
    """The map (COEFFICIENTS, frames) int16 of a recording at 8 kHz, value = map / SCALE.

    Each coefficient's mean over the recording is taken off, which removes what microphone and vocal tract do to all
    sounds alike. The recording's middle where it is longer than ``frames``, PAUSE on both sides where it is shorter.
    """
    values = dct(log_mel(samples), norm="ortho")[:, :COEFFICIENTS] * LIFTER
    values -= values.mean(0)
    cut = max(0, len(values) - frames) // 2
    values = values[cut : cut + frames]
    before = (frames - len(values)) // 2
    whole = np.tile(PAUSE, (frames, 1))
    whole[before : before + len(values)] = values
    return np.clip(np.rint(whole.T * SCALE), -32768, 32767).astype(np.int16)
