"""Sounds changed at random in training: never in a model that is scored or exported.

Spectrograms are changed as they are kept, so that nothing has to be transformed anew: another speed
is another place to read a frame from, another voice another place to read a band from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import ops, random

from kerasnas.preprocessing.sounds import mel_of
from kerasnas.spaces.blocks.sound import mask_of
from kerasnas.spaces.mixing import MixingModel

_COMMON = 0.5  # share of the sounds that get noise
_SILENT = -20.0  # log power of nothing, where two spectrograms are mixed


@dataclass(frozen=True)
class SoundAugmentation:
    """What is done to every sound of a batch, each time anew.

    Attributes:
        speed: Largest change of speed; 0.2 plays up to 20 % faster or slower.
        pitch: Largest change of all frequencies, as a longer or shorter vocal tract makes it.
        shift: Largest shift in time, as a share of the whole length.
        tilt: Changes of loudness and of its balance over frequencies, in nepers.
        noise: Whether half of the sounds get noise.
        masks: Stripes of time and bands of frequency that are blanked (SpecAugment).
        mixup: Whether two sounds, and what is expected of them, are mixed.
    """

    speed: float = 0.0
    pitch: float = 0.0
    shift: float = 0.0
    tilt: float = 0.0
    noise: bool = False
    masks: int = 0
    mixup: bool = False

    @property
    def idle(self) -> bool:
        """Whether nothing is done to a sound by itself."""
        return replace(self, mixup=False) == SoundAugmentation()


def sound_augmentation(
    hp: keras_tuner.HyperParameters, *, warp: bool = True, mix: bool = True
) -> SoundAugmentation:
    """Declares the hyperparameters of augmentation and reads their values.

    Args:
        hp: Declares `speed`, `pitch`, `shift`, `tilt`, `noise`, `masks` and, to `mix`, `mixup`.
        warp: Whether another speed and pitch is tried unless told otherwise. Numbers may well be
            what these change.
        mix: Whether answers can be mixed.
    """
    return SoundAugmentation(
        speed=hp.Choice("speed", [0.0, 0.1, 0.2, 0.3], default=0.2 if warp else 0.0),
        pitch=hp.Choice("pitch", [0.0, 0.1, 0.2, 0.3], default=0.1 if warp else 0.0),
        shift=hp.Choice("shift", [0.0, 0.1, 0.2], default=0.1),
        tilt=hp.Choice("tilt", [0.0, 0.5, 1.0], default=0.5),
        noise=hp.Boolean("noise", default=warp),
        masks=int(hp.Choice("masks", [0, 1, 2], default=1)),
        mixup=hp.Boolean("mixup", default=False) if mix else False,
    )


class SoundAugmenter(keras.layers.Layer):
    """Applies a `SoundAugmentation` to batches of spectrograms or waveforms, all of them at once.

    Args:
        plan: What to do.
        edges: Lowest and highest frequency of the bands in Hz; `None` leaves the pitch alone.
        seed: Seed; `None` draws one from Python's generator, as Keras's layers do.
    """

    def __init__(
        self,
        plan: SoundAugmentation,
        edges: tuple[float, float] | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(dtype="float32", trainable=False)
        self.plan = plan
        self.edges = edges
        self.seed = random.SeedGenerator(seed)

    def call(self, x: Any) -> Any:
        """Changed sounds of the same shape: `(batch, frames, mels)` or `(batch, samples)`."""
        if self.plan.idle:
            return x
        return self._waves(x) if len(x.shape) == 2 else self._spectrograms(x)

    def _uniform(self, shape: tuple[Any, ...], low: float, high: float) -> Any:
        return random.uniform(shape, low, high, seed=self.seed)

    def _spectrograms(self, x: Any) -> Any:
        plan, batch, bands = self.plan, ops.shape(x)[0], int(x.shape[2])
        mask = mask_of(x)
        frames = ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1.0)
        mean = ops.sum(x * mask, axis=1, keepdims=True) / frames
        # Around a sound lies what its quietest frames are like.
        loud = ops.mean(x, axis=2, keepdims=True) + (1.0 - mask) * 100.0
        quietest = ops.cast(ops.equal(loud, ops.min(loud, axis=1, keepdims=True)), "float32")
        quiet = ops.sum(x * quietest, axis=1, keepdims=True) / ops.sum(
            quietest, axis=1, keepdims=True
        )
        x = ops.where(mask > 0, x, quiet)
        if plan.speed or plan.shift:
            x, mask = self._moved(x, frames)
        if plan.pitch and self.edges is not None:
            x = self._voiced(x)
        if plan.tilt:
            x = x + plan.tilt * self._curve(batch, bands)
        if plan.noise:
            x = self._noisy(x, mask)
        for _ in range(plan.masks):
            x = self._blanked(x, mean, frames)
        # Exactly 0 means behind the end: a frame that happens to be 0 must not.
        return ops.where(ops.equal(x, 0.0), 1e-6, x) * mask

    def _moved(self, x: Any, frames: Any) -> tuple[Any, Any]:
        """Every frame read from another place: `(batch, frames, mels)` and the new mask."""
        plan, length = self.plan, int(x.shape[1])
        batch = ops.shape(x)[0]
        pace = ops.exp(self._uniform((batch, 1, 1), -plan.speed, plan.speed))
        # Nothing is pushed over the end of what is heard.
        pace = ops.maximum(pace, frames / length)
        room = ops.maximum(length - frames / pace, 0.0)
        start = self._uniform((batch, 1, 1), -plan.shift / 2, plan.shift) * length
        start = ops.clip(start, -0.1 * frames, room)
        places = ops.reshape(ops.arange(length, dtype="float32"), (1, length, 1))
        source = (places - start) * pace
        mask = ops.cast(source <= frames - 1.0, "float32")
        source = ops.clip(source, -1.0, length - 1.0)
        grid = ops.reshape(ops.arange(length, dtype="float32"), (1, 1, length))
        weights = ops.relu(1.0 - ops.abs(source - grid))
        quiet = ops.min(x, axis=1, keepdims=True)
        before = ops.relu(-source)  # in front of the sound: nothing but its background
        return ops.matmul(weights, x) + before * quiet, mask

    def _voiced(self, x: Any) -> Any:
        """Every band read from another place, as a factor on all frequencies moves it."""
        bands = int(x.shape[2])
        low, high = (mel_of(f) for f in self.edges or (0.0, 1.0))
        mels = low + (high - low) * (np.arange(bands) + 1) / (bands + 1)
        hertz = ops.reshape(
            ops.convert_to_tensor(700.0 * np.expm1(mels / 1127.0), "float32"), (1, -1)
        )
        factor = ops.exp(self._uniform((ops.shape(x)[0], 1), -self.plan.pitch, self.plan.pitch))
        source = (1127.0 * ops.log1p(hertz * factor / 700.0) - low) / (high - low)
        source = ops.clip(source * (bands + 1) - 1.0, 0.0, bands - 1.0)
        grid = ops.reshape(ops.arange(bands, dtype="float32"), (1, bands, 1))
        weights = ops.relu(1.0 - ops.abs(ops.expand_dims(source, 1) - grid))
        return ops.matmul(x, weights)

    def _curve(self, batch: Any, bands: int) -> Any:
        """A smooth random curve over the bands, `(batch, 1, bands)`."""
        places = (np.arange(bands) + 0.5) / bands
        waves = np.stack([np.cos(np.pi * k * places) for k in range(4)]).astype("float32")
        amounts = random.normal((batch, 4), seed=self.seed)
        return ops.expand_dims(ops.matmul(amounts, ops.convert_to_tensor(waves)), 1)

    def _noisy(self, x: Any, mask: Any) -> Any:
        """Noise of a random colour, 10 to 50 dB below the loudest, in half of the sounds."""
        batch = ops.shape(x)[0]
        loudest = ops.max(x, axis=(1, 2), keepdims=True)
        below = self._uniform((batch, 1, 1), 2.3, 11.5)
        below = ops.where(self._uniform((batch, 1, 1), 0.0, 1.0) < _COMMON, below, 50.0)
        level = loudest - below + self._curve(batch, int(x.shape[2]))
        # The power of noise in one cell is spread as an exponential distribution.
        level = level + ops.log(-ops.log(self._uniform(ops.shape(x), 1e-6, 1.0 - 1e-6)))
        return ops.logaddexp(x, level)

    def _blanked(self, x: Any, mean: Any, frames: Any) -> Any:
        batch, length, bands = ops.shape(x)[0], int(x.shape[1]), int(x.shape[2])

        def inside(places: int, whole: Any, share: float) -> Any:
            size = self._uniform((batch, 1), 0.0, share) * whole
            start = self._uniform((batch, 1), 0.0, 1.0) * (whole - size)
            grid = ops.reshape(ops.arange(places, dtype="float32"), (1, places)) + 0.5
            return ops.logical_and(grid > start, grid < start + size)

        hidden = ops.logical_or(
            ops.expand_dims(inside(length, ops.reshape(frames, (batch, 1)), 0.2), 2),
            ops.expand_dims(inside(bands, float(bands), 0.2), 1),
        )
        return ops.where(hidden, mean, x)

    def _waves(self, x: Any) -> Any:
        """Waveforms: speed (and with it pitch), shift, loudness, noise, blanked stretches."""
        plan, batch, length = self.plan, ops.shape(x)[0], int(x.shape[1])
        mask = mask_of(ops.expand_dims(x, -1))[:, :, 0]
        samples = ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1.0)
        change = max(plan.speed, plan.pitch)
        if change or plan.shift:
            pace = ops.exp(self._uniform((batch, 1), -change, change))
            pace = ops.maximum(pace, samples / length)
            room = ops.maximum(length - samples / pace, 0.0)
            start = ops.clip(self._uniform((batch, 1), 0.0, plan.shift) * length, 0.0, room)
            grid = ops.reshape(ops.arange(length, dtype="float32"), (1, length))
            source = (grid - start) * pace
            mask = ops.cast(ops.logical_and(source >= 0, source <= samples - 1.0), "float32")
            source = ops.clip(source, 0.0, length - 2.0)
            left = ops.floor(source)
            index = ops.cast(left, "int32")
            near = ops.take_along_axis(x, index, axis=1)
            far = ops.take_along_axis(x, index + 1, axis=1)
            x = (near + (source - left) * (far - near)) * mask
        if plan.tilt:
            gain = ops.exp(self._uniform((batch, 1), -plan.tilt, plan.tilt))
            x = x * gain * ops.where(self._uniform((batch, 1), 0.0, 1.0) < 0.5, -1.0, 1.0)
        if plan.noise:
            power = ops.sum(ops.square(x), axis=1, keepdims=True) / samples
            below = ops.exp(-self._uniform((batch, 1), 1.1, 5.0))
            below = ops.where(self._uniform((batch, 1), 0.0, 1.0) < _COMMON, below, 0.0)
            noise = random.normal(ops.shape(x), seed=self.seed)
            x = x + noise * ops.sqrt(power) * below * mask
        return x


class SoundTraining(MixingModel):
    """A network in training: sounds changed first, and mixed with their answers if wanted.

    The network inside is what is scored and exported.

    Args:
        network: A compiled, functional network; its optimiser and loss are used.
        plan: How sounds are changed.
        edges: Lowest and highest frequency of the bands in Hz.
    """

    def __init__(
        self,
        network: keras.Model,
        plan: SoundAugmentation,
        edges: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.augmenter = SoundAugmenter(plan, edges)
        self.compile(optimizer=network.optimizer, loss=network.loss, jit_compile=False)

    def call(self, x: Any, training: bool = False) -> Any:
        """Answers of the network, in training for changed sounds."""
        if training:
            x = self.augmenter(x)
            if self.augmenter.plan.mixup:
                x, self.share = mixed(x, self.augmenter.seed)
        return self.network(x, training=training)


def mixed(x: Any, seed: Any) -> tuple[Any, Any]:
    """Every sound mixed with the next one of the batch, spectrograms by their power.

    Returns:
        The mixtures, and the share of the first sound in each, `(batch,)`.
    """
    share = 1.0 - 0.5 * ops.square(random.uniform((ops.shape(x)[0],), seed=seed))
    other = ops.roll(x, 1, axis=0)
    if len(x.shape) == 2:
        part = ops.expand_dims(share, 1)
        return part * x + (1 - part) * other, share
    part = ops.reshape(share, (-1, 1, 1))
    here, there = mask_of(x), mask_of(other)
    first = ops.where(here > 0, x, _SILENT) + ops.log(part)
    second = ops.where(there > 0, other, _SILENT) + ops.log(1.0 - part + 1e-6)
    return ops.logaddexp(first, second) * ops.maximum(here, there), share
