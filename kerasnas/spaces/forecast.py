"""The search space of forecasts: raw windows in, quantiles in the user's units out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers, ops

from kerasnas.clock import Deadline
from kerasnas.errors import SearchSpaceError
from kerasnas.spaces import forecast_solved as solved
from kerasnas.spaces.blocks.dlinear import dlinear
from kerasnas.spaces.blocks.gru import gru
from kerasnas.spaces.blocks.nhits import nhits
from kerasnas.spaces.blocks.patch_transformer import patch_transformer
from kerasnas.spaces.blocks.tcn import tcn
from kerasnas.spaces.blocks.tide import tide
from kerasnas.spaces.forecast_front import ChannelStatistics, WindowFront
from kerasnas.spaces.method import Method, Solution, Solve, Steps
from kerasnas.spaces.quantiles import QUANTILES, QuantileLoss, check_quantiles
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.recipes.forecast import forecast_optimizer, forecast_recipe
from kerasnas.spaces.space import Space

FAMILIES: dict[str, Callable[[keras_tuner.HyperParameters, Any], Any]] = {
    "nhits": nhits,
    "tide": tide,
    "dlinear": dlinear,
    "tcn": tcn,
    "patch_transformer": patch_transformer,
    "gru": gru,
}
SOLVED = ("linear", "autoregression", "naive")


class ForecastHyperModel(Space):
    """Forecasters over windows of raw values.

    The scale of a window is taken off at the front of the graph and put on again at its end
    (reversible instance normalisation, Kim et al. 2022), and a network learns what a simple
    forecast (the last value, the last season, the mean) is to be corrected by.

    Args:
        horizon: Steps to forecast.
        channels: Channels of a window, the target first.
        lookbacks: Lengths of the window to choose from.
        season: Steps of a season, 1 for none.
        quantiles: Levels, ascending, the median among them.
        statistics: What the training windows look like.
        windows: Number of training windows, which sets defaults.
        families: Which to search: networks (`nhits`, `tide`, `dlinear`, `tcn`, `patch_transformer`,
            `gru`); `linear` and `autoregression`, whose weights are solved for; `naive`, which
            repeats the last season or value. The latter three need `solve`, which a stock
            keras-tuner `Tuner` does not call.

    Raises:
        SearchSpaceError: If a family is unknown or the levels cannot be used.
    """

    def __init__(
        self,
        horizon: int,
        channels: int = 1,
        lookbacks: Sequence[int] = (24,),
        season: int = 1,
        quantiles: Sequence[float] = QUANTILES,
        statistics: ChannelStatistics | None = None,
        windows: int | None = None,
        families: Sequence[str] = tuple(FAMILIES),
    ) -> None:
        super().__init__(name="forecast")
        unknown = [f for f in families if f not in FAMILIES and f not in SOLVED]
        if unknown or not families:
            raise SearchSpaceError(
                f"`space` names {unknown or 'no family'}; expected some of "
                f'{[*FAMILIES, *SOLVED]}, such as space=("nhits", "linear").'
            )
        check_quantiles(quantiles)
        self.horizon = int(horizon)
        self.channels = int(channels)
        self.lookbacks = sorted(int(n) for n in lookbacks)
        self.season = int(season) if int(season) <= self.lookbacks[0] else 1
        self.quantiles = tuple(float(q) for q in quantiles)
        self.statistics = statistics or ChannelStatistics(
            means=(0.0,) * (channels - 1), deviations=(1.0,) * (channels - 1)
        )
        self.windows = windows
        self.families = tuple(families)

    @property
    def portfolio(self) -> list[dict[str, Any]]:
        """Known-good configurations of the families in use, best first."""
        level = "seasonal" if self.season > 1 else "last"
        longer, longest = self._lookback(3), self.lookbacks[-1]
        # DLinear itself, so that no search does worse than it on the validation origins.
        plain = {"transform": "none"} if self.statistics.positive else {}
        known: list[dict[str, Any]] = [
            {"family": "linear"},
            {"family": "naive", "base": level, **plain},
            {"family": "linear", "base": "last", **plain},
            {"family": "autoregression"},
            *([{"family": "naive", "base": "last", **plain}] if level != "last" else []),
            {"family": "linear", "base": "last", "lookback": longest},
            {"family": "nhits"},
            {"family": "linear", "base": "last", "lookback": longer},
            {"family": "autoregression", "ar_order": 3, "lookback": longer},
            {"family": "tide"},
            {"family": "dlinear", "base": "last", "lookback": longer, **plain},
            {"family": "linear", "base": level, "ridge": 1.0},
            {"family": "patch_transformer"},
            {"family": "nhits", "base": "last", "lookback": longer, "nhits_width": 256},
            {"family": "tcn"},
            {"family": "gru"},
            {"family": "tide", "base": "last", "lookback": longer, "learning_rate": 1e-3},
            {"family": "dlinear", "base": "last", "lookback": longest, "learning_rate": 5e-4},
        ]
        return [c for c in known if c["family"] in self.families]

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model from windows to `(batch, horizon, quantiles)`.

        Windows are `(batch, lookback, channels)`; with channels known ahead a dict of these
        (`past`) and of `(batch, horizon, known)` (`future`). A family that only `solve` can fit
        gives its untrained graph.
        """
        front = self._front(hp)
        family = self.family(hp)
        features: Any = None
        for name in self.families:
            with hp.conditional_scope("family", [name]):
                if name == family and name in FAMILIES:
                    features = FAMILIES[name](hp, front.window)
                elif name == family:
                    solved.declare(hp, name, self.season)
        if family in SOLVED:
            answer = self._solution(front, family)
            optimizer: Any = keras.optimizers.Adam()
        else:
            with hp.conditional_scope("family", [f for f in self.families if f in FAMILIES]):
                answer = front.restored(self._head(hp, front, features, family))
                optimizer = forecast_optimizer(hp)
        self.recipe(hp)
        model = keras.Model(front.inputs, answer)
        model.compile(optimizer=optimizer, loss=QuantileLoss(self.quantiles))
        return model

    def recipe(self, hp: keras_tuner.HyperParameters) -> Recipe:
        """How to train the model of these hyperparameters."""
        networks = [f for f in self.families if f in FAMILIES]
        if self.family(hp) in SOLVED:
            return Recipe(batch_size=256)  # not used: nothing is trained by steps
        with hp.conditional_scope("family", networks):
            return forecast_recipe(hp, self.windows)

    def family(self, hp: keras_tuner.HyperParameters) -> str:
        """The family of these hyperparameters."""
        return str(hp.Choice("family", list(self.families), default=self.families[0]))

    def lookback(self, hp: keras_tuner.HyperParameters) -> int:
        """The length of the window of these hyperparameters."""
        return int(hp.Choice("lookback", self.lookbacks, default=self._lookback(2)))

    def form(self, hp: keras_tuner.HyperParameters) -> int:
        """The length of the window, which is the form of the data that the network takes."""
        return self.lookback(hp)

    def method(self, hp: keras_tuner.HyperParameters) -> Method:
        """A solver for linear families; gradient steps for networks."""
        if self.family(hp) in SOLVED:
            return Solve(partial(self.solve, hp))
        return Steps(self.recipe(hp))

    def solve(
        self, hp: keras_tuner.HyperParameters, view: Any, seed: int, deadline: Deadline
    ) -> Solution:
        """The network of a family whose weights are solved for.

        Args:
            hp: Hyperparameters.
            view: A `problem.View` with windows of the lookback.
            seed: Not used: nothing is random.
            deadline: Not used: it is a matter of seconds.
        """
        family = self.family(hp)
        network = self.build(hp)
        front = self._front(hp)
        with hp.conditional_scope("family", [family]):
            values = solved.declare(hp, family, self.season)
        statistics, logs = self.statistics, front.logarithm
        still = statistics.smallest(logs) if statistics.uneven(logs) else 0.0
        parts = solved.Parts.of(front.model(), view, logs, statistics.low, still)
        if family == "linear":
            solution = solved.ridge(parts, values)
        elif family == "naive":
            solution = solved.naive(parts)
        else:
            solution = solved.autoregression(parts, values, self.season, front.logarithm)
        offsets = solved.offsets(solution.errors, self.quantiles)
        levels = len(self.quantiles)
        kernel = np.repeat(solution.kernel[:, :, None], levels, axis=2)
        bias = np.zeros_like(offsets) + offsets
        if solution.bias is not None:
            bias = bias + solution.bias[:, None]
        network.get_layer("solution").set_weights(
            [kernel.reshape(len(kernel), -1).astype("float32"), bias.reshape(-1).astype("float32")]
        )
        if family == "autoregression":
            drift = network.get_layer("drift")
            zeros = np.zeros_like(drift.get_weights()[0])
            drift.set_weights([zeros, solution.drift.astype("float32")])
        return Solution(network)

    def _lookback(self, seasons: int) -> int:
        """The available length next to so many seasons or horizons."""
        wanted = seasons * max(self.season, min(self.horizon, 48))
        return min(self.lookbacks, key=lambda n: (abs(n - wanted), n))

    def _front(self, hp: keras_tuner.HyperParameters) -> WindowFront:
        statistics = self.statistics
        kinds = ["log", "none"] if statistics.positive else ["none"]
        transform = hp.Choice("transform", kinds)
        family = self.family(hp)
        based = [f for f in self.families if f != "autoregression"]
        base = "last"
        if family in based:
            bases = ["seasonal", "last", "mean"] if self.season > 1 else ["last", "mean"]
            with hp.conditional_scope("family", based):
                base = hp.Choice("base", bases)
        return WindowFront(
            statistics,
            (self.lookback(hp), self.channels),
            self.horizon,
            self.season,
            logarithm=transform == "log",
            base=base,
        )

    def _head(
        self, hp: keras_tuner.HyperParameters, front: WindowFront, features: Any, family: str
    ) -> Any:
        """Corrections in units of the window's scale, `(batch, horizon, quantiles)`."""
        levels, horizon = len(self.quantiles), self.horizon
        skip = hp.Boolean("linear_skip", default=True)
        if front.ahead is None:
            raw = layers.Dense(horizon * levels, kernel_initializer="zeros")(features)
            raw = layers.Reshape((horizon, levels))(raw)
        else:
            width = 8
            context = layers.Reshape((horizon, width))(layers.Dense(horizon * width)(features))
            joined = layers.Concatenate()([context, front.ahead])
            joined = layers.Dense(32, activation="relu")(joined)
            raw = layers.Dense(levels, kernel_initializer="zeros")(joined)
            raw = raw + layers.Dense(1, kernel_initializer="zeros")(front.ahead)
        middle = self.quantiles.index(0.5)
        point = raw[:, :, middle : middle + 1]
        if skip and family != "dlinear":
            linear = layers.Dense(horizon, kernel_initializer="zeros")(front.target)
            point = point + ops.expand_dims(linear, -1)
        # Each level lies beyond the one before it, seen from the median: none can cross another.
        parts = [point]
        if middle:
            below = ops.cumsum(ops.softplus(raw[:, :, :middle] - 1.5), axis=-1)
            parts.insert(0, point - ops.flip(below, axis=-1))
        if middle + 1 < levels:
            above = ops.cumsum(ops.softplus(raw[:, :, middle + 1 :] - 1.5), axis=-1)
            parts.append(point + above)
        return layers.Concatenate()(parts) if len(parts) > 1 else point

    def _solution(self, front: WindowFront, family: str) -> Any:
        """The graph of a linear map of the window, constant distances between its levels."""
        shape = (self.horizon, len(self.quantiles))
        taken = front.target if family == "autoregression" else front.flat()
        raw = layers.Dense(shape[0] * shape[1], name="solution")(taken)
        answer = layers.Reshape(shape)(raw)
        if family != "autoregression":
            return front.restored(answer)
        ones = ops.ones_like(front.target[:, :1])
        drift = layers.Dense(self.horizon, kernel_initializer="zeros", name="drift")(ones)
        return front.restored(answer, ops.expand_dims(drift, -1))


def forecast(
    input_shape: tuple[int, int],
    horizon: int,
    *,
    season: int = 1,
    quantiles: Sequence[float] = QUANTILES,
    families: Sequence[str] = tuple(FAMILIES),
) -> ForecastHyperModel:
    """The search space of forecasts, for any keras-tuner `Tuner` and for `kerasnas.search`.

    Args:
        input_shape: `(lookback, channels)` of the windows, the target being the first channel.
        horizon: Steps to forecast; targets are `(rows, horizon)`.
        season: Steps of a season, 1 for none.
        quantiles: As in `ForecastHyperModel`.
        families: As in `ForecastHyperModel`.
    """
    lookback, channels = input_shape
    return ForecastHyperModel(horizon, channels, (lookback,), season, quantiles, families=families)
