"""Google's speech embedding out of built-in layers, with the tensors of two TFLite files.

Lin et al. 2020, "Training Keyword Spotters with Limited and Synthesized Speech Data". The network
looks at 76 spectra, 10 ms apart, and gives 96 numbers; it has no padding in time, so that over a
longer sound it gives 96 numbers for every 80 ms.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerasnas.errors import SearchSpaceError

RATE = 16_000
"""The rate in Hz that the network has learnt from."""

FRAMES = 76
"""Spectra that one vector is made of."""

STEP = 8
"""Spectra from one vector to the next."""

HOP = 160
"""Samples at `RATE` from one spectrum to the next."""

TAPS = 512
"""Samples at `RATE` that one spectrum is made of."""

_LOUDEST = 32_768.0  # the network has learnt from whole numbers of 16 bits
_FLOOR = 1e-10
_RANGE = 80.0  # decibels below the loudest of a sound that are told apart
_LEAST = -0.4  # below which no activation goes
_POOLS = ((2, 2), (1, 2), (2, 2), (1, 2), (2, 2))  # time and bands, of each stage
_PADDED_POOL = 1  # the stage whose pool leaves nothing out


@dataclass(frozen=True)
class SpeechVectors:
    """The form of sounds that the frozen network makes of them: one vector each.

    Attributes:
        backbone: Name of the network.
    """

    backbone: str


@dataclass(frozen=True, eq=False)
class SpeechTensors:
    """The tensors of the spectrogram and of the network.

    Attributes:
        real: Cosines under their window, `(bins, taps)`.
        imaginary: Sines under their window, `(bins, taps)`.
        mels: From powers of bins to bands, `(bins, bands)`.
        kernels: Kernels of the convolutions in their order, `(height, width, in, out)`.
        biases: Their biases.
    """

    real: np.ndarray
    imaginary: np.ndarray
    mels: np.ndarray
    kernels: Sequence[np.ndarray]
    biases: Sequence[np.ndarray]


def read_speech_tensors(embedding: bytes, spectrogram: bytes, name: str) -> SpeechTensors:
    """The tensors of the two files of openWakeWord.

    Args:
        embedding: The file of the network.
        spectrogram: The file of the spectrogram.
        name: What they are called in errors.

    Raises:
        SearchSpaceError: If they hold other networks, or cannot be read.
    """
    try:
        network, front = _constants(embedding), _constants(spectrogram)
        kernels = [t for t in network if t.ndim == 4]
        biases = [t for t in network if t.ndim == 1 and t.dtype == np.float32]
        # The last bias stands in front of the others.
        biases = [*biases[1:], *biases[:1]]
        waves = [t for t in front if t.ndim == 4 and t.shape[2] == TAPS]
        (mels,) = (t for t in front if t.ndim == 2 and t.dtype == np.float32)
        first, second = (t[:, 0, :, 0] for t in waves)
        # Cosines begin with a window, sines with nothing.
        real, imaginary = (first, second) if np.abs(first[0]).sum() else (second, first)
        found = SpeechTensors(
            real, imaginary, mels, [k.transpose(1, 2, 3, 0) for k in kernels], biases
        )
        if [k.shape[3] for k in found.kernels] != [len(b) for b in found.biases]:
            raise ValueError("kernels and biases do not belong together")
        embedding_network(found)
        return found
    except (ValueError, TypeError, IndexError, RuntimeError) as error:
        raise SearchSpaceError(
            f"`pretrained` '{name}': its files hold another network than the speech embedding of "
            f"openWakeWord ({error}). Install pyopen-wakeword 1.1.0."
        ) from error


def _constants(content: bytes) -> list[np.ndarray]:
    """The constant tensors of a TFLite file, in its order; nothing is run."""
    interpreter = _interpreter()(model_content=content, experimental_preserve_all_tensors=True)
    found = []
    for facts in interpreter.get_tensor_details():
        try:
            found.append(interpreter.get_tensor(facts["index"]))
        except ValueError:  # of a tensor that is no constant
            continue
    return found


def _interpreter() -> Callable[..., Any]:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        def interpreter(**given: Any) -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # TensorFlow's own will move to another package
                return tf.lite.Interpreter(**given)

        return interpreter
    found: Callable[..., Any] = Interpreter
    return found


def embedding_network(tensors: SpeechTensors, frames: int | None = None) -> keras.Model:
    """From spectra to vectors.

    Args:
        tensors: As `read_speech_tensors` gives them.
        frames: Number of spectra; `None` for any.

    Returns:
        A model from `(batch, frames, bands)` to `(batch, vectors, width)`.
    """
    bands = int(tensors.mels.shape[1])
    spectra = keras.Input((frames, bands), name="spectra")
    made: list[tuple[layers.Layer, int]] = []

    def convolved(x: Any, padding: str) -> Any:
        place = len(made)
        kernel = tensors.kernels[place]
        layer = layers.Conv2D(
            kernel.shape[3], kernel.shape[:2], padding=padding, name=f"speech_{place}"
        )
        made.append((layer, place))
        return layer(x)

    def activated(x: Any) -> Any:
        return ops.maximum(layers.LeakyReLU(0.2)(x), _LEAST)

    x: Any = ops.expand_dims(spectra, -1)
    for number, pool in enumerate(_POOLS):
        if number == 0:
            x = activated(convolved(layers.ZeroPadding2D(((0, 0), (1, 1)))(x), "valid"))
        else:
            x = activated(convolved(x, "same"))
            x = activated(convolved(x, "valid"))
        x = activated(convolved(x, "same"))
        x = activated(convolved(x, "valid"))
        padding = "same" if number == _PADDED_POOL else "valid"
        x = layers.MaxPooling2D(pool, pool, padding=padding)(x)
    x = convolved(x, "valid")
    model = keras.Model(spectra, x[:, :, 0, :], name="speech_embedding")
    for layer, place in made:
        layer.set_weights([tensors.kernels[place], tensors.biases[place]])
    return model


def spectra_of(tensors: SpeechTensors, sample_rate: int) -> keras.Model:
    """From waveforms in [-1, 1] of any rate to the spectra that the network has learnt from.

    At another rate the waves under their window are looked up between their samples: the same
    frequencies, and as many spectra a second.

    Args:
        tensors: As `read_speech_tensors` gives them.
        sample_rate: Samples a second.
    """
    waveform = keras.Input((None,), name="waveform")
    kernel = waves_at(tensors, sample_rate)
    bins = kernel.shape[2] // 2
    hop = max(1, round(HOP * sample_rate / RATE))
    waves = layers.Conv1D(2 * bins, len(kernel), hop, use_bias=False, name="waves")
    both = waves(ops.expand_dims(waveform * _LOUDEST, -1))
    power = ops.square(both[..., :bins]) + ops.square(both[..., bins:])
    bands = layers.Dense(int(tensors.mels.shape[1]), use_bias=False, name="mels")
    level = ops.log(ops.maximum(bands(power), _FLOOR)) * (10.0 / np.log(10.0).item())
    loudest = ops.max(level, axis=(1, 2), keepdims=True)
    level = ops.maximum(level, loudest - _RANGE) / 10.0 + 2.0
    model = keras.Model(waveform, level, name="speech_spectra")
    waves.set_weights([kernel])
    bands.set_weights([tensors.mels])
    return model


def waves_at(tensors: SpeechTensors, sample_rate: int) -> np.ndarray:
    """Cosines and sines under their window at a rate, `(taps, 1, 2 * bins)`.

    Args:
        tensors: As `read_speech_tensors` gives them.
        sample_rate: Samples a second.
    """
    if sample_rate == RATE:
        both = np.concatenate([tensors.real, tensors.imaginary])
        return both.T[:, None, :].astype("float32")
    ratio = RATE / sample_rate
    places = np.arange(0, TAPS - 1, ratio)
    window = np.interp(places, np.arange(TAPS), tensors.real[0])
    bins = np.arange(len(tensors.real))
    turns = 2 * np.pi * np.outer(places, bins) / TAPS
    sign = np.sign((tensors.imaginary[1] * np.sin(2 * np.pi * np.arange(TAPS) / TAPS)).sum())
    waves = np.concatenate([np.cos(turns), sign * np.sin(turns)], axis=1)
    # What is above half the rate is not there to be heard, and would only be its mirror image.
    heard = bins * RATE / TAPS <= sample_rate / 2
    waves *= np.concatenate([heard, heard])
    return (ratio * window[:, None] * waves)[:, None, :].astype("float32")


def speech_front(
    tensors: SpeechTensors, sample_rate: int, samples: int, margin: int = FRAMES // 2
) -> keras.Model:
    """From waveforms of any length to statistics of the vectors of a sound.

    Args:
        tensors: As `read_speech_tensors` gives them.
        sample_rate: Samples a second.
        samples: Length that longer waveforms are cut to and shorter ones filled up to with zeros.
        margin: Spectra of silence in front of a sound and behind it.
    """
    raw = keras.Input((None,), dtype="float32", name="waveform")
    hop = max(1, round(HOP * sample_rate / RATE))
    wave = ops.pad(raw, ((0, 0), (0, samples)))[:, :samples]
    taps = len(waves_at(tensors, sample_rate))
    frames = max(FRAMES, -(-samples // hop) + 2 * margin)
    frames = FRAMES + STEP * -(-(frames - FRAMES) // STEP)
    total = (frames - 1) * hop + taps
    padded = ops.pad(wave, ((0, 0), (margin * hop, max(0, total - samples - margin * hop))))
    spectra = spectra_of(tensors, sample_rate)(padded[:, :total])
    vectors = embedding_network(tensors, frames)(spectra)
    count = 1 + (frames - FRAMES) // STEP
    place = ops.cumsum(ops.ones_like(wave), axis=1)
    end = ops.max(ops.where(ops.equal(wave, 0.0), 0.0, place), axis=1, keepdims=True)
    middle = (np.arange(count) * STEP + FRAMES // 2 - margin) * hop
    share = ops.divide(middle[None].astype("float32"), ops.maximum(end, 1.0))
    return keras.Model(raw, _statistics(vectors, share), name="kerasnas_preprocessing")


def _statistics(vectors: Any, place: Any) -> Any:
    """Mean, spread, largest values and course of the vectors of a sound.

    Args:
        vectors: `(batch, vectors, width)`.
        place: Where in the sound the middle of each vector lies, from 0 to 1; others do not count.
    """
    inside = ops.cast((place >= -0.001) & (place <= 1.001), "float32")[:, :, None]
    count = ops.maximum(ops.sum(inside, axis=1), 1.0)
    mean = ops.sum(vectors * inside, axis=1) / count
    around = (vectors - mean[:, None]) * inside
    spread = ops.sqrt(ops.sum(ops.square(around), axis=1) / count + 1e-6)
    largest = ops.max(ops.where(inside > 0, vectors, -1e9), axis=1)
    largest = ops.where(largest > -1e8, largest, mean)
    parts = [mean, spread, largest]
    for middle in (0.1, 0.37, 0.63, 0.9):
        weight = inside * ops.exp(-ops.square((place[:, :, None] - middle) / 0.2))
        total = ops.maximum(ops.sum(weight, axis=1), 1e-6)
        parts.append(ops.sum(around * weight, axis=1) / total)
    return layers.Concatenate(name="statistics")(parts)
