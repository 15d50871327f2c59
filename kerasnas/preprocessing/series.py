"""Windows over series: which steps a network sees, answers for, and is validated with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.data.panel import Panel, SeriesSchema
from kerasnas.errors import SchemaError

_MOST_VALID = 600  # windows to validate with
_MOST_TRAIN = 20_000  # windows to train on
_MOST_BYTES = 256 * 2**20  # of one form of the training windows
_LONGEST = 512  # steps of a lookback
_LEAST = 4  # steps to learn from, beyond a horizon
_CONSTANT = 1e-13  # share of its level by which a constant series moves: float64 rounds by less
_COARSE = 1e-3  # of what a series moves: a step of float32 that is wider loses what can be learnt


@dataclass(frozen=True, eq=False)
class Origins:
    """Places where forecasts begin.

    Attributes:
        series: Number of the series of each, int32.
        steps: Steps of the series known at each, int32.
    """

    series: np.ndarray
    steps: np.ndarray

    def __len__(self) -> int:
        return len(self.series)

    def take(self, index: np.ndarray) -> Origins:
        """Some of them."""
        return Origins(self.series[index], self.steps[index])


@dataclass(frozen=True, eq=False)
class RollingSplit:
    """Origins to train on, and later ones to validate with; never random rows.

    Attributes:
        train: All that they answer for lies before `cuts`.
        valid: Origins at or after `cuts`.
        every: Origins of all steps, for a last training.
        cuts: Steps of each series that training may look at.
        folds: None: series are cut once.
    """

    train: Origins
    valid: Origins
    every: Origins
    cuts: np.ndarray
    folds: tuple[tuple[np.ndarray, np.ndarray], ...] = ()

    @property
    def parts(self) -> list[tuple[Origins, Origins]]:
        """Origins to train on and to validate with: one pair."""
        return [(self.train, self.valid)]


def rolling_split(panel: Panel, horizon: int, season: int, share: float, seed: int) -> RollingSplit:
    """Cuts every series at one step: what comes before it is for training, the rest to validate.

    The last part of each series is one horizon, and more where the series is long enough: at least
    a whole season of origins, or `share` of its steps.

    Raises:
        SchemaError: If no series is long enough.
    """
    lengths = panel.lengths
    extra = np.maximum(season - 1, np.round(share * lengths).astype(int) - horizon)
    extra = np.minimum(extra, lengths // 3 - horizon)
    # One training window at least holds a season, where the series is long enough for that.
    room = lengths - 2 * horizon - season
    extra = np.maximum(np.where(room >= 0, np.minimum(extra, room), extra), 0)
    cuts = lengths - horizon - extra
    usable = cuts >= horizon + _LEAST
    if not usable.any():
        raise SchemaError(
            f"The longest series has {lengths.max()} steps; a horizon of {horizon} needs at least "
            f"{2 * horizon + _LEAST}: some to learn from and {horizon} to validate with. Shorten "
            "`horizon`."
        )
    cuts = np.where(usable, cuts, lengths)
    train, valid, every = [], [], []
    for number, (length, cut, use) in enumerate(zip(lengths, cuts, usable, strict=True)):
        train.append((number, _LEAST, cut - horizon))
        every.append((number, _LEAST, length - horizon))
        if use:
            valid.append((number, cut, length - horizon))
    return RollingSplit(
        train=_thinned(_origins(train), _MOST_TRAIN, seed),
        valid=_spread(_origins(valid), _MOST_VALID),
        every=_thinned(_origins(every), _MOST_TRAIN, seed),
        cuts=cuts,
    )


def lookbacks(cuts: np.ndarray, horizon: int, season: int) -> list[int]:
    """Lengths of the window to choose from: whole seasons and horizons that the series can fill."""
    typical = int(np.quantile(cuts, 0.75))
    most = max(2, min(_LONGEST, int(0.6 * typical), typical - horizon - _LEAST + 1))
    wanted = [k * season for k in (1, 2, 3, 4, 7, 14)] if season > 1 else []
    wanted += [k * horizon for k in (1, 2, 4)] + [8, 16, 32]
    # A season is looked back on where at least one training window can hold it.
    seasonal = 1 < season <= typical - horizon
    least = season if seasonal else min(max(horizon, 4), most)
    return sorted({n for n in wanted if least <= n <= most} | {least})[:8]


def full_windows(origins: Origins, lookback: int) -> np.ndarray:
    """Indices of origins whose window is full; all of them where too few are."""
    full = np.flatnonzero(origins.steps >= lookback)
    return full if len(full) >= min(8, len(origins)) else np.arange(len(origins))


def inputs(
    panel: Panel,
    origins: Origins,
    lookback: int,
    horizon: int,
    schema: SeriesSchema,
    *,
    dtype: str = "float32",
    means: np.ndarray | None = None,
) -> Any:
    """What a network sees at each origin.

    Args:
        panel: The series.
        origins: Where forecasts begin.
        lookback: Steps of a window.
        horizon: Steps of a forecast.
        schema: The columns.
        dtype: Type of the numbers.
        means: What is taken off the channels in float64, before numbers get their type: of the
            target the last value of each window instead. `None` takes nothing off.

    Returns:
        Windows `(origins, lookback, channels)`; where columns are known ahead a dict of these
        (`past`) and of `(origins, horizon, channels known ahead)` (`future`). A series shorter than
        the window is continued backwards with its first step.
    """
    less = None
    if means is not None:
        less = np.tile(means, (len(origins), 1))
        less[:, 0] = last_values(panel, origins)
    past = _slices(panel.values, origins, np.arange(-lookback, 0), dtype, less)
    if not schema.future:
        return past
    ahead = [v[:, schema.future] for v in panel.values]
    less = None if less is None else less[:, schema.future]
    return {"past": past, "future": _slices(ahead, origins, np.arange(horizon), dtype, less)}


def last_values(panel: Panel, origins: Origins) -> np.ndarray:
    """The last known target at each origin, float64."""
    return _slices(panel.values, origins, np.array([-1]), "float64")[:, 0, 0]


def answers(panel: Panel, origins: Origins, horizon: int) -> np.ndarray:
    """Targets `(origins, horizon)`, float64, NaN where there was none to be known."""
    steps = np.arange(horizon)
    targets = [
        np.where(o, v[:, 0], np.nan) for v, o in zip(panel.values, panel.observed, strict=True)
    ]
    return _slices([t[:, None] for t in targets], origins, steps, "float64")[..., 0]


def series_lose_digits(panel: Panel, cuts: np.ndarray) -> bool:
    """Whether float32 is too coarse for how some series moves beside its level."""
    for values, cut in zip(panel.values, cuts, strict=True):
        series = values[: int(cut), 0]
        level = float(np.abs(series).max())
        moves = [float(np.std(series)), float(np.std(np.diff(series))) if len(series) > 2 else 0.0]
        moves = [m for m in moves if m > _CONSTANT * level]
        if moves and level * float(np.finfo("float32").eps) > _COARSE * min(moves):
            return True
    return False


def finest(spreads: Sequence[float], whole: float) -> float:
    """The spread of the series that moves least, as a share of the spread of all together."""
    return min([1.0, *(s / whole for s in spreads if s > 0)]) if whole > 0 else 1.0


def spreads_of(pieces: Sequence[np.ndarray]) -> list[float]:
    """How much each series moves; 0 where it is constant."""
    found = []
    for series in pieces:
        spread, level = float(np.std(series)), float(np.abs(series).max())
        found.append(spread if spread > _CONSTANT * level else 0.0)
    return found


def seasonal_scales(panel: Panel, cuts: np.ndarray, season: int) -> np.ndarray:
    """For each series the mean absolute error of the seasonal naive forecast, before its cut.

    A series in which it makes no error has the error of the last value as scale; one that is
    constant the mean size of its values, or 1.
    """
    scales = []
    for values, observed, cut in zip(panel.values, panel.observed, cuts, strict=True):
        known = np.where(observed, values[:, 0], np.nan).astype("float64")[: int(cut)]
        least = _CONSTANT * float(np.nanmax(np.abs(known), initial=0.0))
        scale = 0.0
        for lag in (season if len(known) > season else 1, 1):
            gaps = np.abs(known[lag:] - known[:-lag])
            if scale <= least and np.isfinite(gaps).any():
                scale = float(np.nanmean(gaps))
        if scale <= least:
            scale = float(np.nanmean(np.abs(known))) if np.isfinite(known).any() else 0.0
        scales.append(scale if scale > 0 else 1.0)
    return np.array(scales)


def detect_season(panel: Panel, cuts: np.ndarray) -> int:
    """The lag at which series without a calendar repeat themselves; 1 if at none."""
    longest = int(np.argmax(cuts))
    values = panel.values[longest][: int(cuts[longest]), 0].astype("float64")
    if len(values) < 12:
        return 1
    steps = np.arange(len(values))
    rest = values - np.polyval(np.polyfit(steps, values, 1), steps)
    power = np.correlate(rest, rest, "full")[len(rest) - 1 :][: len(rest) // 3 + 1]
    if power[0] <= 0:
        return 1
    power = power / power[0]
    peaks = [
        lag
        for lag in range(2, len(power) - 1)
        if power[lag] > max(power[lag - 1], power[lag + 1]) and power[lag] > 0.3
    ]
    return int(max(peaks, key=lambda lag: power[lag])) if peaks else 1


def most_windows(lookback: int, channels: int) -> int:
    """How many training windows of this size may be held in memory."""
    return max(256, _MOST_BYTES // (4 * lookback * channels))


def thin(index: np.ndarray, most: int, seed: int) -> np.ndarray:
    """At most so many of them, drawn at random, in order."""
    if len(index) <= most:
        return index
    return np.sort(np.random.default_rng(seed).choice(index, most, replace=False))


def _thinned(origins: Origins, most: int, seed: int) -> Origins:
    return origins.take(thin(np.arange(len(origins)), most, seed))


def _spread(origins: Origins, most: int) -> Origins:
    places = np.linspace(0, len(origins) - 1, min(most, len(origins))).round().astype(int)
    return origins.take(np.unique(places))


def _origins(ranges: Sequence[tuple[int, int, int]]) -> Origins:
    """Every step of ranges `(series, first, last)`, both ends included."""
    steps = [np.arange(first, last + 1) for _, first, last in ranges]
    series = [np.full(len(s), number) for (number, _, _), s in zip(ranges, steps, strict=True)]
    return Origins(np.concatenate(series).astype("int32"), np.concatenate(steps).astype("int32"))


def _slices(
    arrays: Sequence[np.ndarray],
    origins: Origins,
    offsets: np.ndarray,
    dtype: str,
    less: np.ndarray | None = None,
) -> np.ndarray:
    """Rows of arrays at offsets from each origin; before the first row the first row."""
    out = np.empty((len(origins), len(offsets), arrays[0].shape[1]), dtype)
    for number in np.unique(origins.series):
        mine = np.flatnonzero(origins.series == number)
        places = origins.steps[mine, None] + offsets
        found = arrays[number][np.maximum(places, 0)]
        out[mine] = found if less is None else found - less[mine, None]
    return out
