"""Waveforms: files of sounds decoded, samples of any type scaled, other sample rates."""

from __future__ import annotations

import io
import warnings
from math import gcd
from pathlib import Path

import numpy as np

_WAV = (".wav", ".wave")
_MOST_CHANNELS = 8
_LOUDEST = 8.0  # floats beyond are no waveform in [-1, 1] that is a little too loud


def read_file(path: Path) -> tuple[np.ndarray, int]:
    """Samples as the file has them, `(samples,)` or `(samples, channels)`, and the sample rate.

    WAV is read by SciPy; for other formats there is the extra `audio`.

    Raises:
        ValueError: If the file cannot be read.
    """
    if not path.is_file():
        raise ValueError("there is no such file")
    return _decoded(path, path.suffix.lower() in _WAV)


def read_bytes(content: bytes) -> tuple[np.ndarray, int]:
    """As `read_file`, for the bytes of a file."""
    return _decoded(io.BytesIO(content), content[:4] in (b"RIFF", b"RIFX", b"RF64"))


def _decoded(source: Path | io.BytesIO, wav: bool) -> tuple[np.ndarray, int]:
    if wav:
        from scipy.io import wavfile

        try:
            with warnings.catch_warnings():
                # Chunks of notes and markers, which nobody needs here.
                warnings.simplefilter("ignore", wavfile.WavFileWarning)
                rate, samples = wavfile.read(source)
            return samples, int(rate)
        except Exception as error:  # compressed or damaged: another reader may know better
            problem = f"is no WAV file that can be read ({error})"
    else:
        problem = "needs the package soundfile: run `pip install soundfile`"
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise ValueError(problem) from error
    if isinstance(source, io.BytesIO):
        source.seek(0)
    try:
        samples, rate = soundfile.read(source, dtype="float32", always_2d=False)
    except RuntimeError as error:
        raise ValueError(f"cannot be read ({error})") from error
    return samples, int(rate)


def waveform(samples: np.ndarray) -> np.ndarray:
    """One channel of float32 in [-1, 1], from samples of any type; several channels are averaged.

    Raises:
        ValueError: If they are no sound.
    """
    if samples.ndim == 2:
        axis = 0 if samples.shape[0] < samples.shape[1] else 1
        if samples.shape[axis] > _MOST_CHANNELS:
            raise ValueError(f"has shape {samples.shape}, expected (samples,) or 2 channels")
    elif samples.ndim != 1:
        raise ValueError(f"has shape {samples.shape}, expected (samples,)")
    if samples.size == 0:
        raise ValueError("has no samples")
    samples = _scaled(samples)
    if samples.ndim == 2:
        samples = samples.mean(axis=axis, dtype="float32")
    return np.ascontiguousarray(samples, dtype="float32")


def resampled(samples: np.ndarray, rate: int, target: int) -> np.ndarray:
    """A waveform at another sample rate."""
    if rate == target:
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, target)
    return resample_poly(samples, target // common, rate // common).astype("float32")


def _scaled(samples: np.ndarray) -> np.ndarray:
    kind = samples.dtype.kind
    if kind == "u" and samples.dtype.itemsize == 1:
        return (samples.astype("float32") - 128.0) / 128.0
    if kind in "iu":
        full = 2.0 ** (8 * samples.dtype.itemsize - 1)
        if samples.dtype.itemsize == 8 or kind == "u":
            largest = max(abs(int(samples.min())), abs(int(samples.max())))
            if largest > 2**15:
                raise ValueError(
                    f"holds {samples.dtype} up to {largest}, expected 8, 16 or 32 bit PCM, or "
                    "floats in [-1, 1]"
                )
            full = 2.0**15  # sixteen bits in a wider type, as lists of numbers become
        return samples.astype("float32") / np.float32(full)
    if kind != "f":
        raise ValueError(f"holds {samples.dtype}, expected numbers")
    if not np.isfinite(samples).all():
        raise ValueError("has samples that are NaN or infinite")
    peak = float(np.abs(samples).max())
    if peak > _LOUDEST:
        raise ValueError(
            f"holds floats up to {peak:g}, expected a waveform in [-1, 1]; divide 16 bit PCM by "
            "32768"
        )
    return samples.astype("float32")
