"""What networks know of the feature matrix besides its width: read from training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

MOST_NUMBERS = 128
"""Numeric columns with an embedding of their own; further ones enter as they are."""

SAMPLE = 8192
"""Training rows that are looked at: more do not move a quantile or a standard deviation much."""

_ROW = 8  # numbers of one raw column that are a token each; texts have hundreds, which share one
_CONSTANT = 1e-6  # range below which a column has no bins


@dataclass(frozen=True, eq=False)
class Table:
    """A feature matrix as networks see it.

    Attributes:
        width: Columns; those of indices, which are embedded, come last.
        classes: Number of classes; `None` for regression.
        embedded: Number of categories of each column of indices.
        rows: Training rows; `None` when unknown.
        sample: Some training rows of the matrix, from which quantiles and initial weights are
            taken; without it columns count as numbers of mean 0 and standard deviation 1.
        groups: For each column that is no index, the raw column it comes from; without it each
            is its own.
        outputs: Number of values a row, for regression.
        multilabel: Whether `classes` counts labels that do not exclude each other.
    """

    width: int
    classes: int | None = None
    embedded: tuple[int, ...] = ()
    rows: int | None = None
    sample: np.ndarray | None = None
    groups: tuple[str, ...] | None = None
    outputs: int = 1
    multilabel: bool = False

    @property
    def answers(self) -> int:
        """Numbers a row that a network answers with."""
        return self.classes or self.outputs

    @property
    def plain(self) -> int:
        """Columns that are no indices."""
        return self.width - len(self.embedded)

    @cached_property
    def numbers(self) -> np.ndarray:
        """Places of the columns with more than two values, which embeddings are for.

        Where there are very many, those with most values.
        """
        if self.sample is None:
            return np.arange(min(self.plain, MOST_NUMBERS))
        values = np.array([len(np.unique(self.sample[:, j])) for j in range(self.plain)])
        places = np.flatnonzero(values > 2)
        if len(places) > MOST_NUMBERS:
            places = np.sort(places[np.argsort(-values[places], kind="stable")[:MOST_NUMBERS]])
        return places

    @cached_property
    def others(self) -> np.ndarray:
        """Places of the remaining columns that are no indices: flags and one-hot columns."""
        return np.setdiff1d(np.arange(self.plain), self.numbers)

    def edges(self, bins: int) -> list[np.ndarray]:
        """Edges of the bins of each number: quantiles, equal ones merged; at least two edges.

        Args:
            bins: Most bins of a column.
        """
        share = np.linspace(0.0, 1.0, bins + 1)
        found = []
        for j in self.numbers:
            if self.sample is None:
                # Scaled numbers lie within (-3, 3), most of them around 0.
                found.append(np.linspace(-3.0, 3.0, bins + 1))
                continue
            cuts = np.unique(np.quantile(self.sample[:, j].astype("float64"), share))
            # Bins narrower than rounding errors would magnify these.
            kept = [cuts[0]]
            for cut in cuts[1:]:
                if cut - kept[-1] > _CONSTANT:
                    kept.append(cut)
            found.append(np.array(kept) if len(kept) > 1 else np.array([cuts[0], cuts[0] + 1.0]))
        return found

    @cached_property
    def tokens(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """Columns as tokens of a transformer: places of single numbers, and of joint columns.

        The flags and one-hot columns of a raw column are one token together, and so are its
        numbers where they are many.
        """
        owner = self.groups or tuple(str(j) for j in range(self.plain))
        by_owner: dict[str, list[int]] = {}
        for j in self.numbers:
            by_owner.setdefault(owner[j], []).append(int(j))
        single = [j for places in by_owner.values() if len(places) <= _ROW for j in places]
        joint: dict[str, list[int]] = {}
        for j in range(self.plain):
            if j not in set(single):
                joint.setdefault(owner[j], []).append(j)
        return np.array(single, dtype="int32"), [np.array(p, "int32") for p in joint.values()]

    @property
    def token_count(self) -> int:
        """Tokens of a transformer, without the one for the answer."""
        single, joint = self.tokens
        return len(single) + len(joint) + len(self.embedded)


@dataclass(frozen=True, eq=False)
class ColumnFilter:
    """The columns that are not noise.

    Attributes:
        features: Their places in the feature matrix, rising.
        codes: Their places in the form that trees see, rising.
    """

    features: np.ndarray
    codes: np.ndarray


def narrowed_table(table: Table, places: np.ndarray) -> Table:
    """A table of some columns only, given by their places, rising."""
    plain = places[places < table.plain]
    return replace(
        table,
        width=len(places),
        embedded=tuple(table.embedded[i - table.plain] for i in places[len(plain) :]),
        sample=None if table.sample is None else table.sample[:, places],
        groups=None if table.groups is None else tuple(table.groups[i] for i in plain),
    )


def settled_table(
    width: int,
    classes: int | None,
    embedded: Sequence[int],
    rows: int | None,
    sample: np.ndarray | None,
    groups: Sequence[str] | None,
    outputs: int = 1,
    multilabel: bool = False,
) -> Table:
    """A `Table` of arguments as a user gives them; of the sample, evenly spread rows are kept."""
    if sample is not None:
        sample = np.asarray(sample, dtype="float32")
        if len(sample) > SAMPLE:
            sample = sample[np.linspace(0, len(sample) - 1, SAMPLE).astype("int64")]
    return Table(
        width=int(width),
        classes=None if classes is None else int(classes),
        embedded=tuple(int(n) for n in embedded),
        rows=rows if rows is not None else None if sample is None else len(sample),
        sample=sample,
        groups=None if groups is None else tuple(groups),
        outputs=int(outputs),
        multilabel=multilabel,
    )
