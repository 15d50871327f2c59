"""What lies in front of every forecaster in the graph: raw windows in, scaled windows out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

_SMALLEST = 1e-3  # of the spread: the smallest scale of a window
_OWN = 0.1  # of a series' own spread: its smallest scale, where that is less
_MOST_GROUPED = 1024  # features of a linear map with weights of their own for each kind of window


@dataclass(frozen=True)
class ChannelStatistics:
    """What training windows look like, for the scales inside the graph.

    Attributes:
        low: Smallest target; above 0 it may be taken the logarithm of.
        high: Largest target.
        spread: Standard deviation of the target.
        means: Means of the further channels.
        deviations: Their standard deviations.
        future: Places, among all channels, of those known ahead.
        groups: Places of the channels that say of which kind a window is, such as its target.
        finest: Standard deviation of the series that moves least, as a share of `spread`.
        finest_log: The same of logarithms.
        shifted: Whether windows come without the level of their last value.
    """

    low: float = -1.0
    high: float = 1.0
    spread: float = 1.0
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    future: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    finest: float = 1.0
    finest_log: float = 1.0
    shifted: bool = False

    @property
    def positive(self) -> bool:
        """Whether logarithms are well defined."""
        return not self.shifted and self.low > 0 and self.high < 1e6 * self.low

    def smallest(self, logarithm: bool) -> float:
        """The smallest scale of a window; less where one of the series moves much less."""
        spread, finest, least = self.spread, self.finest, 1e-9
        if logarithm:  # of which float32 has no more than six digits
            spread, finest, least = float(np.log(self.high / self.low)) / 4, self.finest_log, 1e-6
        usual = max(_SMALLEST * spread, least)
        return min(usual, _OWN * finest * spread) if self.uneven(logarithm) else usual

    def uneven(self, logarithm: bool) -> bool:
        """Whether some series moves less than the usual smallest scale of a window."""
        return _OWN * (self.finest_log if logarithm else self.finest) < _SMALLEST


class WindowFront:
    """The graph from raw windows to what a network sees, and the way back.

    Args:
        statistics: What the training windows look like.
        shape: Steps and channels of a window, the target first.
        horizon: Steps to forecast.
        season: Steps of a season.
        logarithm: Whether the target's logarithm is forecast.
        base: What is corrected: `last` value, last `seasonal` values, or `mean`.

    Attributes:
        logarithm: Whether the target's logarithm is forecast.
        inputs: Raw windows: the past, or a dict with what is known ahead as well.
        window: The past as networks over steps see it, `(batch, steps, channels)`.
        target: The target's part of it, `(batch, steps)`.
        latest: Further channels at the last step, or `None`.
        ahead: What is known ahead, `(batch, horizon, channels)`, or `None`.
        base: What is corrected, `(batch, horizon)`.
        scale: Scale of each window, `(batch, 1)`.
    """

    def __init__(
        self,
        statistics: ChannelStatistics,
        shape: tuple[int, int],
        horizon: int,
        season: int,
        logarithm: bool,
        base: str,
    ) -> None:
        self._statistics = statistics
        self.logarithm = logarithm
        past = keras.Input(shape, name="past")
        self.inputs: Any = past
        self.ahead: Any = None
        if statistics.future:
            future = keras.Input((horizon, len(statistics.future)), name="future")
            self.inputs = {"past": past, "future": future}
            places = [place - 1 for place in statistics.future]
            self.ahead = _standard(
                future,
                [statistics.means[p] for p in places],
                [statistics.deviations[p] for p in places],
            )
        target = past[:, :, 0]
        if logarithm:
            target = ops.log(ops.maximum(target, 0.1 * statistics.low))
        last = target[:, -1:]
        center = last if base == "last" else ops.mean(target, axis=1, keepdims=True)
        variance = ops.mean(ops.square(target - ops.mean(target, axis=1, keepdims=True)), axis=1)
        smallest = statistics.smallest(logarithm) ** 2
        self.scale = ops.sqrt(ops.expand_dims(variance, -1) + smallest)
        self.target = (target - center) / self.scale
        if base == "seasonal":
            repeats = -(-horizon // season)
            self.base = ops.tile(target[:, -season:], (1, repeats))[:, :horizon]
        else:
            self.base = ops.repeat(center, horizon, axis=1)
        self.window = ops.expand_dims(self.target, -1)
        self.latest: Any = None
        if shape[1] > 1:
            others = _standard(past[:, :, 1:], statistics.means, statistics.deviations)
            self.window = layers.Concatenate()([self.window, others])
            self.latest = others[:, -1]

    def flat(self) -> Any:
        """The target's window, the latest covariates and those known ahead, as one row.

        Windows of several kinds have a place for each kind, so that a linear map has weights for
        each.
        """
        parts = [self._grouped()]
        if self.latest is not None:
            parts.append(self.latest)
        if self.ahead is not None:
            parts.append(layers.Flatten()(self.ahead))
        return layers.Concatenate()(parts) if len(parts) > 1 else parts[0]

    def _grouped(self) -> Any:
        groups = self._statistics.groups
        steps = self.target.shape[1]
        if not groups or len(groups) * steps > _MOST_GROUPED:
            return self.target
        past = self.inputs["past"] if isinstance(self.inputs, dict) else self.inputs
        kinds = [past[:, -1, place : place + 1] * self.target for place in groups]
        return layers.Concatenate()(kinds)

    def restored(self, corrections: Any, drift: Any = None) -> Any:
        """Answers in the user's units.

        Args:
            corrections: In units of the window's scale, `(batch, horizon, quantiles)`.
            drift: What else to add, not scaled by the window.
        """
        answer = ops.expand_dims(self.base, -1) + ops.expand_dims(self.scale, -1) * corrections
        if drift is not None:
            answer = answer + drift
        if self.logarithm:
            statistics = self._statistics
            answer = ops.exp(
                ops.clip(
                    answer,
                    float(np.log(statistics.low)) - 5.0,
                    float(np.log(statistics.high)) + 5.0,
                )
            )
        return answer

    def model(self) -> keras.Model:
        """The front alone: features, window, base and scale."""
        return keras.Model(self.inputs, [self.flat(), self.target, self.base, self.scale])


def _standard(x: Any, means: Sequence[float], deviations: Sequence[float]) -> Any:
    """Channels of mean 0 and deviation 1, as a layer that a file can hold."""
    scales = [1.0 / d if d > 0 else 1.0 for d in deviations]
    return layers.Rescaling(scales, [-m * s for m, s in zip(means, scales, strict=True)])(x)
