"""From waveforms to what networks hear: length, log-mel spectrogram, in a Keras graph.

Silence of zeros at the end of a waveform is padding: it never changes an answer. Frames behind the
last sample that is not zero are exactly zero in a spectrogram, which is how networks know them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from kerasnas.data.sound_reader import SoundReader

FLOOR = 1e-10
"""Power, relative to a full-scale tone, below which a spectrogram says nothing."""

_CHUNK = 2**21  # samples that are turned into spectrograms at a time
_WHOLE_AT_ONCE = 64  # sounds that are not cut, likewise
_FRAMES = 320  # that a sound should have at most
_FEWEST = 24  # and at least
STRETCHES = 6  # of time that linear models see


@dataclass(frozen=True)
class SoundForm:
    """The form in which networks hear sounds.

    Attributes:
        kind: `mel` for log-mel spectrograms `(frames, mels)`, `wave` for waveforms `(samples,)`.
        window: Samples in the window of one spectrum.
        hop: Samples from one spectrum to the next.
        mels: Bands.
    """

    kind: Literal["mel", "wave"] = "mel"
    window: int = 400
    hop: int = 160
    mels: int = 64

    @property
    def fft(self) -> int:
        """Length of the Fourier transform: fine enough that low bands are not empty."""
        size = 1 << (max(self.window, 16) - 1).bit_length()
        return 2 * size if self.mels * 3 > size // 2 else size


def lowest(sample_rate: int) -> float:
    """The lower edge of the lowest band in Hz."""
    return min(50.0, 0.0025 * sample_rate)


def mel_of(frequency: Any) -> Any:
    """The mel scale that `keras.layers.MelSpectrogram` uses."""
    return 1127.0 * np.log1p(np.asarray(frequency) / 700.0)


def usual_hop(reader: SoundReader) -> int:
    """Samples from one spectrum to the next: 10 ms unless the sounds are very short or long."""
    hop = max(0.01 * reader.sample_rate, reader.samples / _FRAMES)
    return max(8, int(min(hop, reader.samples / _FEWEST)))


def sound_front(sample_rate: int, samples: int | None, form: SoundForm) -> keras.Model:
    """The graph from waveforms of any length to what a network takes.

    Args:
        sample_rate: Samples a second.
        samples: Length that longer waveforms are cut to and shorter ones filled up to with zeros;
            `None` keeps every length.
        form: The form wanted.
    """
    raw = keras.Input((None,), dtype="float32", name="waveform")
    wave = raw
    if samples is not None:
        wave = ops.pad(wave, ((0, 0), (0, samples)))[:, :samples]
    if form.kind == "wave":
        return keras.Model(raw, wave, name="kerasnas_preprocessing")
    # The mirror image that a centred transform puts at both ends must be one of zeros at the end,
    # or the end of a sound would look different with padding and without.
    padded = ops.pad(wave, ((0, 0), (0, form.fft)))
    power = layers.MelSpectrogram(
        fft_length=form.fft,
        sequence_stride=form.hop,
        sequence_length=form.window,
        sampling_rate=sample_rate,
        num_mel_bins=form.mels,
        min_freq=lowest(sample_rate),
        max_freq=sample_rate / 2,
        power_to_db=False,  # its decibels are relative to the loudest sound of the whole batch
        mag_exp=2.0,
        name="mel_spectrogram",
    )(padded)
    power = ops.transpose(power, (0, 2, 1))
    if samples is not None:
        power = power[:, : -(-samples // form.hop)]
    level = ops.log(power / (form.window / 4) ** 2 + FLOOR)
    place = ops.cumsum(ops.ones_like(wave), axis=1)
    end = ops.max(ops.where(ops.equal(wave, 0.0), 0.0, place), axis=1, keepdims=True)
    start = (ops.cumsum(ops.ones_like(level[:, :, 0]), axis=1) - 1.0) * form.hop
    heard = ops.cast(ops.less(start, end), "float32")
    return keras.Model(raw, level * ops.expand_dims(heard, -1), name="kerasnas_preprocessing")


def heard(reader: SoundReader, form: SoundForm, raw: Sequence[np.ndarray]) -> np.ndarray:
    """All sounds as networks hear them: float32 `(rows, frames, mels)` or `(rows, samples)`.

    Args:
        reader: The form of the raw sounds.
        form: The form wanted.
        raw: Waveforms, as `reader.read` gives them.
    """
    if form.kind == "wave":
        return reader.stacked(raw)
    model = sound_front(reader.sample_rate, reader.samples, form)
    signature = tf.TensorSpec((None, None), "float32")
    run = tf.function(model, input_signature=[signature], autograph=False)
    rows = max(1, _CHUNK // reader.samples)
    parts = [
        run(tf.constant(reader.stacked(raw[start : start + rows]))).numpy()
        for start in range(0, len(raw), rows)
    ]
    return np.concatenate(parts)


def heard_whole(reader: SoundReader, form: SoundForm, raw: Sequence[np.ndarray]) -> np.ndarray:
    """As `heard`, for sounds that the graph does not cut: each as long as the longest of `fit`."""
    samples = reader.samples
    signature = tf.TensorSpec((None, samples), "float32")
    model = sound_front(reader.sample_rate, None, form)
    run = tf.function(model, input_signature=[signature], autograph=False)
    parts = [
        run(tf.constant(reader.stacked(raw[i : i + _WHOLE_AT_ONCE], samples))).numpy()
        for i in range(0, len(raw), _WHOLE_AT_ONCE)
    ]
    return np.concatenate(parts)


def summaries(spectra: np.ndarray) -> np.ndarray:
    """What a linear model sees of log-mel spectrograms `(rows, frames, bands)`.

    Returns:
        float32 `(rows, features)`: the mean of every band; then the course of pairs of bands over
        stretches of time, relative to their own means, the spread of every band, and the length.
    """
    parts = [_summary(spectra[i : i + 1024]) for i in range(0, len(spectra), 1024)]
    return np.concatenate(parts)


def _summary(spectra: np.ndarray) -> np.ndarray:
    on = (spectra != 0).any(axis=2, keepdims=True)
    frames = np.maximum(on.sum(axis=1), 1)
    mean = (spectra * on).sum(axis=1) / frames
    spread = np.sqrt((np.where(on, spectra - mean[:, None], 0.0) ** 2).sum(axis=1) / frames)
    # Every sound is cut into the same number of stretches, whatever its length.
    place = np.minimum(np.arange(spectra.shape[1]) * STRETCHES // frames, STRETCHES - 1)
    bands = spectra.shape[2] // 2
    halves = spectra[:, :, : 2 * bands].reshape(*spectra.shape[:2], bands, 2).mean(axis=3)
    parts = []
    for part in range(STRETCHES):
        inside = (place == part)[:, :, None] & on
        parts.append((halves * inside).sum(axis=1) / np.maximum(inside.sum(axis=1), 1))
    own = mean[:, : 2 * bands].reshape(len(mean), bands, 2).mean(axis=2)
    course = [np.where(part != 0, part - own, 0.0) for part in parts]
    return np.concatenate([mean, spread, frames, *course], axis=1).astype("float32")
