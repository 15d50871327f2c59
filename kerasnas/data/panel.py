"""What the columns of a frame of series are, and the series as regular, gapless arrays."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from kerasnas.data.time_grid import TimeGrid
from kerasnas.data.written import WrittenNumbers, written_from_json, written_to_json

Role = Literal["target", "past", "future", "static"]


@dataclass(frozen=True)
class Channel:
    """One channel of the windows that a forecaster sees.

    Attributes:
        name: `column`, or `column=level` for one value of a column of strings.
        column: The column it comes from.
        role: What the column is.
        level: The string that this channel marks with 1; `None` for numbers.
        typical: What stands for a number that a whole series lacks.
        written: How numbers are written where cells are texts, such as `1.234,50`.
    """

    name: str
    column: str
    role: Role
    level: str | None = None
    typical: float = 0.0
    written: WrittenNumbers | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        return {**asdict(self), "written": written_to_json(self.written)}

    @classmethod
    def from_json(cls, content: Any) -> Channel:
        """The channel that `to_json` wrote."""
        written = written_from_json(content.get("written"))
        kept = written if isinstance(written, WrittenNumbers) else None
        return cls(**{**content, "written": kept})


@dataclass(frozen=True)
class SeriesSchema:
    """What the columns of a frame of series are, learnt in `fit`.

    Attributes:
        targets: Columns to forecast. Of several, each is a series of its own.
        time: Column of times; `None` for the index.
        series: Columns that tell series apart; none for one series.
        grid: The steps of time; `None` where steps are counted row by row.
        channels: Channels of a window, the target first.
        duplicates: What is done with rows that share a step: `mean`, `sum` or `last`.
        order: The order of day, month and year in texts of times; empty for others.
        value: Column of the values where several targets stand below each other.
        which: Column that then tells the targets apart.
    """

    targets: tuple[str, ...]
    time: str | None
    series: tuple[str, ...]
    grid: TimeGrid | None
    channels: tuple[Channel, ...]
    duplicates: str = "mean"
    order: str = ""
    value: str = ""
    which: str = ""

    @property
    def target(self) -> str:
        """Column of the values to forecast, where several targets stand below each other too."""
        return self.value or self.targets[0]

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that tell the series of a panel apart, the column that names targets the last."""
        return (*self.series, self.which) if self.which else self.series

    @property
    def indicators(self) -> list[int]:
        """Places of the channels that say which target a window is of."""
        return [i for i, c in enumerate(self.channels) if self.which and c.column == self.which]

    @property
    def future(self) -> list[int]:
        """Places of the channels that are known ahead."""
        return [i for i, c in enumerate(self.channels) if c.role == "future"]

    @property
    def known(self) -> list[str]:
        """Columns that are known ahead."""
        return list(dict.fromkeys(c.column for c in self.channels if c.role == "future"))

    def to_json(self) -> dict[str, Any]:
        """The fields as plain dicts."""
        grid = None if self.grid is None else self.grid.to_json()
        channels = [c.to_json() for c in self.channels]
        names = {"targets": list(self.targets), "series": list(self.series)}
        return {**asdict(self), **names, "grid": grid, "channels": channels}

    @classmethod
    def from_json(cls, content: Any) -> SeriesSchema:
        """The schema that `to_json` wrote."""
        grid = None if content["grid"] is None else TimeGrid.from_json(content["grid"])
        channels = tuple(Channel.from_json(c) for c in content["channels"])
        names = {name: tuple(content[name]) for name in ("targets", "series")}
        return cls(**{**content, **names, "grid": grid, "channels": channels})


@dataclass(frozen=True, eq=False)
class Panel:
    """Series on a regular grid without gaps.

    Attributes:
        names: What tells the series apart, a tuple for several columns; `[None]` for one series.
        values: For each series `(steps, channels)`, float64, up to its last known target.
        observed: For each series `(steps,)`: whether the target was there or has been filled in.
        starts: Place of the first step of each series on the grid.
        later: For each series the channels known ahead, of the steps after its last target.
        notes: What had to be made regular, in words.
        doubt: What else the times could mean, in words.
    """

    names: list[Any]
    values: list[np.ndarray]
    observed: list[np.ndarray]
    starts: list[int]
    later: list[np.ndarray]
    notes: list[str] = field(default_factory=list)
    doubt: str = ""

    @property
    def lengths(self) -> np.ndarray:
        """Steps of each series."""
        return np.array([len(v) for v in self.values])

    def tail(self, steps: int) -> Panel:
        """The last steps of each series."""
        return replace(
            self,
            values=[v[-steps:] for v in self.values],
            observed=[o[-steps:] for o in self.observed],
            starts=[
                s + max(0, len(v) - steps) for s, v in zip(self.starts, self.values, strict=True)
            ],
            notes=[],
            doubt="",
        )

    def to_json(self) -> dict[str, Any]:
        """The arrays as text, bit by bit."""
        return {
            "names": [plain_name(n) for n in self.names],
            "times": all(isinstance(name, pd.Timestamp) for name in self.names),
            "values": [_packed(v) for v in self.values],
            "observed": [o.astype(int).tolist() for o in self.observed],
            "starts": [int(s) for s in self.starts],
            "later": [_packed(v) for v in self.later],
        }

    @classmethod
    def from_json(cls, content: Any) -> Panel:
        """The panel that `to_json` wrote."""
        names = content["names"]
        return cls(
            names=list(pd.to_datetime(names)) if content["times"] else [_name(n) for n in names],
            values=[_unpacked(v) for v in content["values"]],
            observed=[np.array(o, bool) for o in content["observed"]],
            starts=content["starts"],
            later=[_unpacked(v) for v in content["later"]],
        )


def same_name(name: Any) -> str:
    """The name of a series as text: 3.0, which pandas makes of 3 beside a gap, is 3."""
    if isinstance(name, tuple):
        return repr([same_name(part) for part in name])
    whole = isinstance(name, float | np.floating) and float(name).is_integer()
    return str(int(name)) if whole else str(name)


def plain_name(name: Any) -> Any:
    """The name of a series as JSON can hold it."""
    if isinstance(name, tuple):
        return [plain_name(part) for part in name]
    if isinstance(name, np.generic):
        name = name.item()
    return name if name is None or isinstance(name, str | int | float | bool) else str(name)


def _name(name: Any) -> Any:
    return tuple(name) if isinstance(name, list) else name


def _packed(array: np.ndarray) -> dict[str, Any]:
    content = np.ascontiguousarray(array, "<f8")
    return {"shape": list(array.shape), "float64": base64.b64encode(content.tobytes()).decode()}


def _unpacked(content: Any) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(content["float64"]), "<f8")
    return flat.reshape(content["shape"]).astype("float64")
