"""NAS-Bench-201 as something to search: all 15,625 cells, trained once and for all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import pandas as pd

from kerasnas.errors import SchemaError
from kerasnas.oracles import ZeroCost
from kerasnas.spaces.cell import EDGES, NAMES, OPERATIONS, Cell
from kerasnas.trial.executors.simulated import SimulatedOutcome

SHORT, LONG = 12, 200
"""Epochs of the two trainings of every cell. The short one has a schedule of its own."""

ZERO_COST_SECONDS = 0.3
"""What one zero-cost score is charged: Mellor et al., *Neural Architecture Search without
Training*, ICML 2021, report 30 seconds of a GPU for 100 cells."""


class NasBench201:
    """Looks trainings up in the benchmark's table.

    Source: Dong and Yang, *NAS-Bench-201*, ICLR 2020.

    Args:
        frame: One row a cell: six columns `edge_*` (or `arch_str`), then for the data set `d`
            `d_valid_acc_e12`, `d_valid_acc_e200` in percent (`…_e200_s0` and so on for single
            seeds), `d_train_time_e200` in seconds; where there are such, `d_test_acc_e200`,
            `params_m_d`, `flops_m_d`, `d_latency`, `d_hw_*`, `d_zc_synflow`, `d_zc_naswot`.
        dataset: The `d` in the names of columns; where no column has it, the only other one there.
        epochs: Longest training: 200, where the short one is a cheap look; or 12, which leaves only
            the short one, as the benchmark's authors searched.

    Raises:
        SchemaError: If a column that is needed is missing.
    """

    def __init__(self, frame: pd.DataFrame, dataset: str = "cifar10", epochs: int = LONG) -> None:
        if epochs not in (SHORT, LONG):
            raise SchemaError(f"`epochs` must be {SHORT} or {LONG}, received {epochs!r}.")
        self.dataset = _dataset(frame, dataset)
        self.epochs = epochs
        self._row = {cell: i for i, cell in enumerate(_cells(frame))}
        column = {str(name): frame[name] for name in frame.columns}
        d = self.dataset
        needed = (f"{d}_valid_acc_e{SHORT}", f"{d}_valid_acc_e{LONG}", f"{d}_train_time_e{LONG}")
        missing = [name for name in needed if name not in column]
        if missing:
            raise SchemaError(
                f"The table lacks {', '.join(f'`{m}`' for m in missing)}. It has: "
                f"{', '.join(sorted(column))}."
            )
        self._short, self._long, self._seconds = (_numbers(column[n]) for n in needed)
        seeds = [n for n in column if n.startswith(f"{d}_valid_acc_e{LONG}_s")]
        self._seeds = np.stack([_numbers(column[n]) for n in seeds or [needed[1]]], axis=1)
        self._test = _numbers(column.get(f"{d}_test_acc_e{LONG}"), len(frame))
        self._measures = _measures(column, d)
        self._zero_cost = _zero_cost(column, d)

    @classmethod
    def read(cls, path: str | Path, dataset: str = "cifar10", epochs: int = LONG) -> NasBench201:
        """Reads the table from a `.parquet` or `.csv` file; arguments as above."""
        path = Path(path)
        frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        return cls(frame, dataset, epochs)

    @property
    def hyperparameters(self) -> keras_tuner.HyperParameters:
        """One choice an edge."""
        hp = keras_tuner.HyperParameters()
        for name in NAMES:
            hp.Choice(name, list(OPERATIONS))
        return hp

    @property
    def fidelities(self) -> tuple[float, ...]:
        """The short training and the long one, as shares of the longest."""
        return (1.0,) if self.epochs == SHORT else (SHORT / LONG, 1.0)

    @property
    def full_seconds(self) -> float:
        """Mean seconds of the longest training."""
        return float(np.nanmean(self._seconds)) * self.epochs / LONG

    @property
    def short_seconds(self) -> float:
        """Mean seconds of the short training: one evaluation."""
        return float(np.nanmean(self._seconds)) * SHORT / LONG

    def train(
        self, values: Mapping[str, Any], fidelity: float, rng: np.random.Generator
    ) -> SimulatedOutcome:
        """The stored validation accuracy, in [0, 1], and the time that it took.

        A long training starts anew: the short one had another schedule, so nothing of it is saved.
        """
        row = self.row(values)
        if row is None:
            return SimulatedOutcome({}, 0.0, f"NotInTable: there is no {Cell.of(values)}.")
        short = self.epochs == SHORT or fidelity < 1
        if short:
            accuracy, share = self._short[row], SHORT / LONG
        else:
            known = self._seeds[row][~np.isnan(self._seeds[row])]
            accuracy, share = (rng.choice(known) if len(known) else math.nan), 1.0
        return SimulatedOutcome(
            {"val_accuracy": float(accuracy) / 100}, float(self._seconds[row]) * share
        )

    def measures(self, values: Mapping[str, Any]) -> dict[str, float]:
        """`params`, `flops`, `latency_ms` and measurements on devices, where the table has them."""
        row = self.row(values)
        return {} if row is None else {n: float(c[row]) for n, c in self._measures.items()}

    def zero_cost(self) -> ZeroCost | None:
        """The stored zero-cost scores, and the number of parameters where there are none."""
        if not self._zero_cost:
            return None

        def score(values: Mapping[str, Any]) -> dict[str, float]:
            row = self.row(values)
            return {} if row is None else {n: float(c[row]) for n, c in self._zero_cost.items()}

        return ZeroCost(score, ZERO_COST_SECONDS)

    def final(self, values: Mapping[str, Any]) -> tuple[float, float]:
        """Mean validation and test accuracy after 200 epochs, in percent: what is reported.

        Never shown to a strategy. The test accuracy is NaN where the table has none.
        """
        row = self.row(values)
        return (math.nan, math.nan) if row is None else (self._long[row], self._test[row])

    def everything(self) -> pd.DataFrame:
        """Mean long validation accuracy (in [0, 1]) and measures of all cells: the true front."""
        return pd.DataFrame({"val_accuracy": self._long / 100, **self._measures})

    def row(self, values: Mapping[str, Any]) -> int | None:
        """The row of a cell."""
        return self._row.get(tuple(values[name] for name in NAMES))


def _dataset(frame: pd.DataFrame, wanted: str) -> str:
    ending = f"_valid_acc_e{LONG}"
    known = [str(name)[: -len(ending)] for name in frame.columns if str(name).endswith(ending)]
    near = [name for name in known if _plain(name).startswith(_plain(wanted))]
    if wanted in known:
        return wanted
    if len(near) == 1 or len(known) == 1:
        return (near or known)[0]
    raise SchemaError(
        f"The table has no column `{wanted}{ending}`. "
        f"Data sets in it: {', '.join(known) or 'none'}."
    )


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _cells(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    if all(name in frame.columns for name in NAMES):
        return list(zip(*(frame[name].astype(str) for name in NAMES), strict=True))
    if "arch_str" in frame.columns:
        return [Cell.parse(text).operations for text in frame["arch_str"].astype(str)]
    raise SchemaError(
        f"The table needs the {len(EDGES)} columns {', '.join(NAMES)}, or `arch_str`; "
        f"it has {', '.join(map(str, frame.columns))}."
    )


def _measures(column: Mapping[str, pd.Series], d: str) -> dict[str, np.ndarray]:
    found = {}
    # The table counts multiply-adds; a FLOP is one multiplication or one addition.
    for name, source, factor in (
        ("params", f"params_m_{d}", 1e6),
        ("flops", f"flops_m_{d}", 2e6),
        ("latency_ms", f"{d}_latency", 1e3),
    ):
        if source in column:
            found[name] = factor * _numbers(column[source])
    for source in column:
        if source.startswith(f"{d}_hw_"):
            found[source.removeprefix(f"{d}_hw_")] = _numbers(column[source])
    return found


def _zero_cost(column: Mapping[str, pd.Series], d: str) -> dict[str, np.ndarray]:
    """The scores; equal graphs share theirs where only one of them has been scored."""
    found = {}
    for name in ("synflow", "naswot"):
        scores = column.get(f"{d}_zc_{name}")
        if scores is not None and "unique_str" in column:
            scores = scores.fillna(scores.groupby(column["unique_str"]).transform("mean"))
        if scores is not None:
            found[name] = _numbers(scores)
    if f"params_m_{d}" in column:
        found["params"] = _numbers(column[f"params_m_{d}"])
    return found


def _numbers(column: pd.Series | None, rows: int = 0) -> np.ndarray:
    if column is None:
        return np.full(rows, math.nan)
    return column.to_numpy(dtype=float, na_value=math.nan)
