"""What classical models see of the rows of one modality, or of several inputs together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import numpy as np

from kerasnas.assembly import FrontGraph, Fronts, inputs_of
from kerasnas.data import MISSING_DATETIME, Column
from kerasnas.data.stored import StoredRows
from kerasnas.data.table_reader import OWN
from kerasnas.preprocessing.images import thumbnails
from kerasnas.preprocessing.sounds import summaries
from kerasnas.problem.inputs import (
    FittedArray,
    FittedDocuments,
    FittedInput,
    FittedPictures,
    FittedSounds,
    FittedTable,
    Form,
)
from kerasnas.spaces.text_linear import term_matrix

MOST_ROWS = 50_000
MOST_CELLS = 20_000_000
FEW_ROWS = 10_000  # of pictures and sounds, whose features are many and much alike
MOST_COLUMNS = 256  # that boosting looks at where columns are as many as pixels, and a forest
WEAK = (0.1,)  # strength of the penalty where features are many and much alike
EITHER = (1.0, 0.1)
FREQUENT_TERMS = 100  # of texts, that boosting looks at
FREQUENT_CATEGORIES = 250  # of a column, that boosting tells apart: scikit-learn's limit is 255

Features = Callable[[np.ndarray], Any]
"""From indices of rows to a matrix `(rows, features)`, dense or sparse."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Features of some rows, made for those of them that are asked for.

    Attributes:
        linear: Comparable features, for linear models.
        columns: Raw numbers with gaps and codes of categories, for boosting; `None` where there are
            too many columns for it.
        categorical: For each of these columns, whether it holds codes of categories.
        most_rows: Most training rows of a model.
        strengths: Inverse strengths of the penalty of a linear classifier. One is fitted for each,
            and the one with the best score is the baseline.
        of_new: The evidence of new rows: of raw rows as the exported graph takes them, and of what
            `front` makes of these. It holds no rows.
        front: The graph in front of networks that see the same form of the rows.
    """

    linear: Features
    columns: Features | None = None
    categorical: Sequence[bool] = ()
    most_rows: int = MOST_ROWS
    strengths: tuple[float, ...] = (1.0,)
    of_new: Callable[[Any, Any], Evidence] | None = None
    front: Fronts | None = None

    def sampled(self, train: np.ndarray) -> np.ndarray:
        """At most `most_rows` of the training rows, evenly spread."""
        return sampled(train, self.most_rows)


def evidence_of(fitted: FittedInput, form: Form, train: np.ndarray) -> Evidence | None:
    """What classical models see of one input.

    Args:
        fitted: The input.
        form: One form of its rows: of pictures the pixels, of sounds a spectrogram, of texts the
            weighted terms.
        train: Indices of the training rows.

    Returns:
        The evidence; `None` of an input that they cannot see.
    """
    seen = _of_form(fitted, form, train)
    return None if seen is None else replace(seen, front=form.front)


def _of_form(fitted: FittedInput, form: Form, train: np.ndarray) -> Evidence | None:
    if isinstance(fitted, FittedTable):
        front, embedded = fitted.preprocessing, len(fitted.preprocessing.embedded)
        return table_evidence(front.columns, fitted.raw, fitted.matrix, embedded, train, fitted.own)
    if isinstance(fitted, FittedPictures):
        pixels = form.data.array if isinstance(form.data, StoredRows) else form.data
        return picture_evidence(thumbnails(pixels), train)
    if isinstance(fitted, FittedSounds):
        return sound_evidence(summaries(form.data), train)
    if isinstance(fitted, FittedDocuments):
        return term_evidence(form.data, form.facts["size"], train)
    return array_evidence(form.data) if isinstance(fitted, FittedArray) else None


def sampled(train: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the training rows, evenly spread."""
    return train[:: max(1, -(-len(train) // most))]


def table_evidence(
    columns: Sequence[Column],
    raw: Mapping[str, np.ndarray],
    matrix: np.ndarray,
    embedded: int,
    train: np.ndarray,
    own: Mapping[str, np.ndarray] | None = None,
) -> Evidence:
    """The evidence of a table.

    Args:
        columns: Raw columns in use.
        raw: All rows by column name, as `data.ingest` gives them.
        matrix: The feature matrix of all rows, `(rows, width)`.
        embedded: Columns at the end of the matrix that are indices, not features.
        train: Indices of the training rows.
        own: float64 values of all rows as the user has them, of columns that `raw` has not whole.
    """
    own = {c.name: own[c.name] for c in columns if c.name in own} if own else {}
    most = min(MOST_ROWS, max(1, MOST_CELLS // max(1, matrix.shape[1])))
    table = _Table(
        list(columns), matrix.shape[1] - embedded, most, _standardising(own, train) if own else None
    )

    def learn_codes() -> None:
        for column in columns:
            if column.kind == "categorical":
                table.codes[column.name] = _frequent(raw[column.name][sampled(train, most)])

    return replace(table.see(raw, matrix, own, learn_codes), of_new=table.of_new)


@dataclass(frozen=True, eq=False)
class _Table:
    """What classical models see of rows with these columns. It holds no rows.

    Attributes:
        columns: Raw columns in use.
        features: Columns of the feature matrix that are no indices.
        most_rows: As in `Evidence`.
        standardised: Scales the user's own numbers; `None` where there are none.
        codes: Codes of the categories by column, learnt when boosting first asks for them.
    """

    columns: Sequence[Column]
    features: int
    most_rows: int
    standardised: Callable[[Mapping[str, np.ndarray]], np.ndarray] | None
    codes: dict[str, dict[Any, int]] = field(default_factory=dict)

    def of_new(self, inputs: Mapping[str, np.ndarray], data: np.ndarray) -> Evidence:
        """As `Evidence.of_new`."""
        raw = {name: np.asarray(values).reshape(-1) for name, values in inputs.items()}
        own = {c.name: raw[OWN + c.name] for c in self.columns if OWN + c.name in raw}
        return self.see(raw, data, own)

    def see(
        self,
        raw: Mapping[str, np.ndarray],
        matrix: np.ndarray,
        own: Mapping[str, np.ndarray],
        before: Callable[[], None] = lambda: None,
    ) -> Evidence:
        """The evidence of some rows, all of whose columns are put together when they are needed.

        Args:
            raw: Raw columns.
            matrix: The feature matrix.
            own: As in `table_evidence`.
            before: What is done before the columns are put together.
        """
        linear = matrix[:, : self.features]
        if self.standardised is not None:
            linear = np.concatenate([linear, self.standardised(own)], axis=1)

        @cache
        def side_by_side() -> np.ndarray:
            before()
            parts = [own.get(c.name, self._numbers(c, raw[c.name])) for c in self.columns]
            return np.stack(parts, axis=1) if parts else np.zeros((len(matrix), 0))

        return Evidence(
            linear=lambda rows: linear[rows],
            columns=lambda rows: side_by_side()[rows],
            categorical=[column.kind == "categorical" for column in self.columns],
            most_rows=self.most_rows,
        )

    def _numbers(self, column: Column, values: np.ndarray) -> np.ndarray:
        """Numbers as they are, the most frequent categories as codes, text by its length."""
        if column.kind == "categorical":
            code = self.codes[column.name]
            return np.array([code.get(value, np.nan) for value in values])
        if column.kind == "text":
            return np.array([len(value) for value in values], dtype="float64")
        if column.kind == "datetime" or column.exact:
            return np.where(values == MISSING_DATETIME, np.nan, values.astype("float64"))
        return values.astype("float64")


def picture_evidence(thumb: np.ndarray, train: np.ndarray) -> Evidence:
    """The evidence of pictures: their pixels, scaled as they are asked for.

    Args:
        thumb: Small pictures of all rows, `(rows, height, width, channels)`.
        train: Indices of the training rows, some of which give mean and deviation.
    """
    some = thumb[sampled(train, FEW_ROWS)]
    some = some.reshape(len(some), -1)
    mean, deviation = some.mean(axis=0), some.std() + 1e-6
    few = some.shape[1] <= MOST_COLUMNS

    def see(thumb: np.ndarray) -> Evidence:
        def flat(rows: np.ndarray) -> np.ndarray:
            return thumb[rows].reshape(len(rows), -1)

        return Evidence(
            linear=lambda rows: (flat(rows) - mean) / deviation,
            columns=flat if few else None,
            categorical=(False,) * len(mean) if few else (),
            most_rows=FEW_ROWS,
            strengths=WEAK,
        )

    return replace(see(thumb), of_new=lambda inputs, pixels: see(thumbnails(pixels)))


def sound_evidence(features: np.ndarray, train: np.ndarray) -> Evidence:
    """The evidence of sounds: what `preprocessing.sounds.summaries` says of all rows.

    Args:
        features: Summaries of all rows, `(rows, features)`.
        train: Indices of the training rows, some of which give mean and deviation.
    """
    seen = features[sampled(train, FEW_ROWS)]
    mean, deviation = seen.mean(axis=0), seen.std(axis=0) + 1e-3
    few = features.shape[1] <= MOST_COLUMNS

    def see(features: np.ndarray) -> Evidence:
        return Evidence(
            linear=lambda rows: (features[rows] - mean) / deviation,
            columns=(lambda rows: features[rows]) if few else None,
            categorical=(False,) * len(mean) if few else (),
            most_rows=FEW_ROWS,
            strengths=WEAK,
        )

    return replace(see(features), of_new=lambda inputs, spectra: see(summaries(spectra)))


def array_evidence(values: np.ndarray) -> Evidence:
    """The evidence of scaled numbers: every number of a row is a feature.

    Args:
        values: Rows of one shape.
    """
    flat = values.reshape(len(values), -1)
    few = flat.shape[1] <= MOST_COLUMNS
    return Evidence(
        linear=lambda rows: flat[rows],
        columns=(lambda rows: flat[rows]) if few else None,
        categorical=(False,) * flat.shape[1] if few else (),
        strengths=EITHER,
        of_new=lambda inputs, data: array_evidence(data),
    )


def term_evidence(features: Mapping[str, np.ndarray], size: int, train: np.ndarray) -> Evidence:
    """The evidence of texts: weighted terms and style. Boosting sees only the frequent terms.

    Args:
        features: `terms`, `weights` and `style` of all rows.
        size: Numbers that a term can have.
        train: Indices of the training rows, by which terms are frequent.
    """
    matrix = term_matrix(features, size)
    counts = matrix[train][:, :size].getnnz(axis=0)
    frequent = np.argsort(-counts, kind="stable")[:FREQUENT_TERMS]

    def see(matrix: Any, style: np.ndarray) -> Evidence:
        def columns(rows: np.ndarray) -> np.ndarray:
            return np.concatenate([matrix[rows][:, frequent].toarray(), style[rows]], axis=1)

        return Evidence(
            linear=lambda rows: matrix[rows],
            columns=columns,
            categorical=(False,) * (len(frequent) + style.shape[1]),
            strengths=EITHER,
        )

    return replace(
        see(matrix, features["style"]),
        of_new=lambda inputs, data: see(term_matrix(data, size), data["style"]),
    )


def joined_evidence(parts: Mapping[str, Evidence]) -> Evidence:
    """The evidence of several inputs side by side.

    Args:
        parts: That of each input by name.
    """

    def linear(rows: np.ndarray) -> Any:
        from scipy import sparse

        found = [part.linear(rows) for part in parts.values()]
        if any(sparse.issparse(one) for one in found):
            return sparse.hstack([sparse.csr_matrix(one) for one in found]).tocsr()
        return np.concatenate(found, axis=1)

    seen = [part for part in parts.values() if part.columns is not None]

    def columns(rows: np.ndarray) -> np.ndarray:
        found = [part.columns(rows) for part in seen if part.columns is not None]
        return np.concatenate([np.asarray(one, dtype="float64") for one in found], axis=1)

    return Evidence(
        linear=linear,
        columns=columns if seen else None,
        categorical=[flag for part in seen for flag in part.categorical],
        most_rows=min(part.most_rows for part in parts.values()),
        strengths=tuple(
            sorted({s for part in parts.values() for s in part.strengths}, reverse=True)
        ),
        of_new=partial(_joined_of_new, {name: part.of_new for name, part in parts.items()}),
        front={n: p.front for n, p in parts.items() if isinstance(p.front, FrontGraph)},
    )


def _joined_of_new(
    of_new: Mapping[str, Any], inputs: Mapping[str, Any], data: Mapping[str, Any]
) -> Evidence:
    """The evidence of new rows of several inputs."""
    return joined_evidence({n: of(inputs_of(inputs, n), data[n]) for n, of in of_new.items()})


def _standardising(
    own: Mapping[str, np.ndarray], train: np.ndarray
) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """Takes off numbers the mean of the training rows, by their deviation; gaps become 0."""

    def known(own: Mapping[str, np.ndarray]) -> np.ndarray:
        values = np.stack(list(own.values()), axis=1)
        return np.where(np.isfinite(values), values, np.nan)

    every = known(own)
    scale = np.nanmax(np.abs(every), axis=0, initial=1e-300)  # squares of 1e200 are infinite
    learnt = every[train] / scale
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns without a training value become 0
        mean, deviation = np.nanmean(learnt, axis=0), np.nanstd(learnt, axis=0)

    def standardised(own: Mapping[str, np.ndarray]) -> np.ndarray:
        found = (known(own) / scale - mean) / (deviation + 1e-300)
        return np.nan_to_num(found, posinf=0.0, neginf=0.0)

    return standardised


def _frequent(values: np.ndarray) -> dict[Any, int]:
    """Codes of the most frequent of some categories."""
    known, counts = np.unique(values, return_counts=True)
    kept = known[np.argsort(-counts, kind="stable")[:FREQUENT_CATEGORIES]]
    return {value: i for i, value in enumerate(kept)}
