"""Linear forecasts whose weights are solved for, not trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import keras_tuner
import numpy as np
import tensorflow as tf

_CHUNK = 8192  # windows that go through the front of the graph at once
_MOST_SEQUENCES = 400  # windows from which one-step samples are taken
_SMOOTHED = 30  # windows below which all steps share their size of error
_FEWEST = 3  # windows without made-up steps that are enough
_FEWEST_MOVING = 8  # windows in which something moves that are enough
_EMPIRICAL = 200  # windows from which the shape of errors is taken from them


@dataclass(frozen=True, eq=False)
class Parts:
    """Training windows, seen through the front of the graph.

    Attributes:
        features: What a linear map takes, `(windows, width)`.
        window: The scaled target, `(windows, lookback)`.
        base: The simple forecast, `(windows, horizon)`.
        scale: The scale of each window, `(windows, 1)`.
        answers: The true steps, logarithms where the graph takes them, without gaps.
        weights: Weight of each window.
        raw: Windows of the target as the base is: unscaled, `(windows, lookback)`.
    """

    features: np.ndarray
    window: np.ndarray
    base: np.ndarray
    scale: np.ndarray
    answers: np.ndarray
    weights: np.ndarray
    raw: np.ndarray

    @classmethod
    def of(
        cls, front: keras.Model, view: Any, logarithm: bool, low: float, smallest: float = 0.0
    ) -> Parts:
        """Runs training windows through the front.

        Args:
            front: The front of the graph.
            view: A `problem.View`.
            logarithm: Whether the graph takes logarithms.
            low: Smallest target.
            smallest: Scale of windows in which nothing moves, which say nothing of corrections;
                0 keeps these.
        """
        rows = len(view.y)
        pieces = []
        for start in range(0, rows, _CHUNK):
            part = tf.nest.map_structure(lambda a, s=start: a[s : s + _CHUNK], view.x)
            pieces.append([np.asarray(t) for t in front(part, training=False)])
        features, window, base, scale = (
            np.concatenate(p).astype("float64") for p in zip(*pieces, strict=True)
        )
        target = (view.x["past"] if isinstance(view.x, dict) else view.x)[:, :, 0].astype("float64")
        answers = np.asarray(view.y, "float64")
        if logarithm:
            target = np.log(np.maximum(target, 0.1 * low))
            answers = np.log(np.maximum(answers, 0.1 * low))
        weights = np.ones(rows) if view.weights is None else np.asarray(view.weights, "float64")
        whole = np.isfinite(answers).all(axis=1)
        if whole.sum() >= max(8, rows // 2):
            keep = whole
        else:  # what is not known is taken to be as the simple forecast says
            keep = np.ones(rows, bool)
            answers = np.where(np.isfinite(answers), answers, base)
        if rows < _SMOOTHED:  # of short series most windows begin with steps that were made up
            moving = keep & (np.ptp(target[:, :2], axis=1) > 0)
            keep = moving if moving.sum() >= _FEWEST else keep
        moving = keep & (scale[:, 0] > 2 * smallest)
        if smallest and moving.sum() >= _FEWEST_MOVING:
            keep = moving
        return cls(*(a[keep] for a in (features, window, base, scale, answers, weights, target)))

    @property
    def corrections(self) -> np.ndarray:
        """What the simple forecast has to be corrected by, in units of the window's scale."""
        return (self.answers - self.base) / self.scale


@dataclass(frozen=True, eq=False)
class WindowSolution:
    """A linear map of the window.

    Attributes:
        kernel: `(features, horizon)`.
        bias: `(horizon,)` in units of the window's scale, or `None`.
        drift: `(horizon,)` in units of the target.
        errors: Errors in training in units of the window's scale, `(windows, horizon)`.
    """

    kernel: np.ndarray
    bias: np.ndarray | None
    drift: np.ndarray
    errors: np.ndarray


def declare(hp: keras_tuner.HyperParameters, family: str, season: int) -> dict[str, Any]:
    """Declares the hyperparameters of a family and reads their values."""
    if family == "linear":
        return {"ridge": hp.Float("ridge", 1e-4, 10.0, sampling="log", default=0.1)}
    if family == "naive":
        return {}
    differences = ["both", "seasonal", "first"] if season > 1 else ["first", "second"]
    return {
        "order": hp.Choice("ar_order", [1, 2, 3, 6, 12], default=1),
        "difference": hp.Choice("ar_difference", differences),
        "seasonal_lags": season > 1 and hp.Boolean("ar_seasonal_lags", default=True),
        "drift": hp.Boolean("ar_drift", default=False),
        "ridge": hp.Float("ar_ridge", 1e-4, 1.0, sampling="log", default=0.01),
    }


def ridge(parts: Parts, values: dict[str, Any]) -> WindowSolution:
    """Ridge regression of the corrections on the window, its mean not shrunk.

    Shrinking leads to the simple forecast with a drift. Errors are those of each window left out.
    """
    x, y = parts.features, parts.corrections
    # A window counts as much as its error weighs in the user's units.
    weight = (parts.weights * parts.scale[:, 0]) ** 2
    weight = np.clip(weight / np.median(weight), 0.05, 20.0)
    weight /= weight.sum()
    center, level = weight @ x, weight @ y
    deep, gap = (x - center) * np.sqrt(weight)[:, None], (y - level) * np.sqrt(weight)[:, None]
    inverse = np.linalg.inv(deep.T @ deep + float(values["ridge"]) * np.eye(x.shape[1]) / 10)
    kernel = inverse @ (deep.T @ gap)
    leverage = np.einsum("ij,jk,ik->i", deep, inverse, deep) + weight
    bias = level - center @ kernel
    errors = (y - x @ kernel - bias) / np.maximum(1 - leverage, 0.1)[:, None]
    return WindowSolution(kernel, bias, np.zeros(y.shape[1]), errors)


def naive(parts: Parts) -> WindowSolution:
    """The simple forecast as it is; its errors in training tell the quantiles."""
    errors = parts.corrections
    kernel = np.zeros((parts.features.shape[1], errors.shape[1]))
    return WindowSolution(kernel, None, np.zeros(errors.shape[1]), errors)


def autoregression(
    parts: Parts, values: dict[str, Any], season: int, logarithm: bool
) -> WindowSolution:
    """An autoregression of differences, fitted one step ahead and iterated over the horizon.

    It has few weights, so that a short series is enough. What it forecasts is linear in the window.
    """
    lookback, horizon = parts.raw.shape[1], parts.answers.shape[1]
    shift, lags = _plan(lookback, values, season)
    sequences = np.concatenate([parts.raw, parts.answers], axis=1)
    kept = np.ones(len(sequences), bool)
    if len(sequences) < _SMOOTHED:  # as above, but one is enough here
        moving = np.ptp(sequences[:, :2], axis=1) > 0
        kept = moving if moving.any() else kept
    sequences = sequences[kept]
    if not logarithm:
        sequences = sequences * parts.weights[kept, None]
    alike = logarithm or bool(np.ptp(parts.weights) == 0)
    coefficients, constant = _one_step(sequences, shift, lags, values["ridge"])
    if not (values["drift"] and alike):
        constant = 0.0
    elif not logarithm:
        constant /= float(parts.weights[0])
    basis = np.concatenate([np.eye(lookback), np.zeros((1, lookback))])
    steps = _iterate(basis, horizon, shift, lags, coefficients, constant)
    drift = steps[-1]
    kernel = steps[:-1] - drift
    forecast = parts.raw[:, -1:] + (parts.raw - parts.raw[:, -1:]) @ kernel + drift
    return WindowSolution(kernel, None, drift, (parts.answers - forecast) / parts.scale)


def offsets(errors: np.ndarray, quantiles: tuple[float, ...]) -> np.ndarray:
    """Distances of the levels from the median, `(horizon, quantiles)`, from errors in training."""
    size = np.sqrt(np.mean(errors**2, axis=0))
    if len(errors) < _SMOOTHED:
        size = np.full_like(size, np.sqrt(np.mean(size**2)))
    levels = np.array(quantiles)
    if len(errors) < _EMPIRICAL:
        from scipy.stats import norm

        shape = norm.ppf(levels)
    else:
        shape = np.quantile(errors / np.maximum(size, 1e-12), levels)
        shape = shape - shape[quantiles.index(0.5)]
    return size[:, None] * shape


def _plan(lookback: int, values: dict[str, Any], season: int) -> tuple[np.ndarray, list[int]]:
    """The differences to take, as weights of past levels, and the lags; all fit in the window."""
    first, seasonal = np.array([1.0]), np.zeros(season)
    seasonal[-1] = 1.0
    both = np.zeros(season + 1)
    both[0] += 1.0
    both[season - 1] += 1.0
    both[season] -= 1.0
    kinds = {"first": first, "seasonal": seasonal, "both": both, "second": np.array([2.0, -1.0])}
    shift = kinds[values["difference"]]
    if len(shift) + 1 > lookback:
        shift = seasonal if values["difference"] == "both" and season < lookback else first
    room = lookback - len(shift)
    lags = list(range(1, min(int(values["order"]), room) + 1))
    if values["seasonal_lags"]:
        lags += [lag for lag in (season, season + 1) if lag <= room and lag not in lags]
    return shift, lags


def _differences(levels: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Every step less what `shift` makes of the steps before it."""
    size = len(shift)
    steps = levels[..., size:].copy()
    for back, weight in enumerate(shift, start=1):
        if weight:
            steps -= weight * levels[..., size - back : levels.shape[-1] - back]
    return steps


def _one_step(
    sequences: np.ndarray, shift: np.ndarray, lags: list[int], penalty: float
) -> tuple[np.ndarray, float]:
    """Weights of the lags and the constant; each stretch of the series counts once."""
    if len(sequences) > _MOST_SEQUENCES:
        places = np.linspace(0, len(sequences) - 1, _MOST_SEQUENCES).round().astype(int)
        sequences = sequences[places]
    steps = _differences(sequences, shift)
    most = max(lags, default=0)
    if not lags or steps.shape[1] <= most:
        return np.zeros(len(lags)), float(steps.mean())
    columns = [steps[:, most:], *(steps[:, most - lag : steps.shape[1] - lag] for lag in lags)]
    samples = np.stack([c.reshape(-1) for c in columns], axis=1)
    samples = np.unique(samples.round(9), axis=0)
    x, y = samples[:, 1:], samples[:, 0]
    center, level = x.mean(axis=0), y.mean()
    spread = max(float((x**2).mean()), 1e-12)
    gram = (x - center).T @ (x - center) / len(x) + float(penalty) * spread * np.eye(len(lags))
    weights = np.linalg.solve(gram, (x - center).T @ (y - level) / len(x))
    return weights, float(level - center @ weights)


def _iterate(
    levels: np.ndarray,
    horizon: int,
    shift: np.ndarray,
    lags: list[int],
    weights: np.ndarray,
    constant: float,
) -> np.ndarray:
    """The steps after each sequence of levels, each forecast from those before it."""
    for _ in range(horizon):
        steps = _differences(levels, shift)
        following = np.full(len(levels), constant)
        for lag, weight in zip(lags, weights, strict=True):
            following = following + weight * steps[:, -lag]
        for back, weight in enumerate(shift, start=1):
            if weight:
                following = following + weight * levels[:, -back]
        levels = np.concatenate([levels, following[:, None]], axis=1)
    return levels[:, -horizon:]
