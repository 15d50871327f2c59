"""What every estimator does with its model: answer, score, show, save, and be pickled."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import keras
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted

from kerasnas.artifact.export import export
from kerasnas.clock import Budget
from kerasnas.data import Reader, RegressionTarget
from kerasnas.data.batches import is_batches
from kerasnas.data.named_columns import Taken, take_columns
from kerasnas.data.stored_tables import StoredTable
from kerasnas.errors import AbsentError, SchemaError, SearchSpaceError
from kerasnas.estimators.arguments import plain_of, unpacked
from kerasnas.report import check_report_path, facts_of, write_report
from kerasnas.results.explaining import explained
from kerasnas.results.fitted import Fitted
from kerasnas.results.result import SearchResult
from kerasnas.results.verdict import as_html


class AnsweringEstimator(BaseEstimator):
    """What estimators of all modalities can do once they are fitted.

    Attributes:
        fitted_: Everything that `fit` found: the model, how to read raw data, labels, leaderboard.
        result_: The search; absent after `kerasnas.load`.
        model_: The exported Keras model.
    """

    fitted_: Fitted

    reader_class: type[Reader]
    target_classes: tuple[Any, ...] = (RegressionTarget,)
    # scikit-learn's tags of inputs, where they are not the usual ones.
    _takes: ClassVar[Mapping[str, bool]] = {}

    @property
    def model_(self) -> keras.Model:
        """The exported Keras model."""
        return self.fitted_.model

    @property
    def result_(self) -> SearchResult:
        """The search."""
        if self.fitted_.origin is None:
            raise AbsentError(
                "A loaded estimator has no `result_`: the search is not in the file. "
                "`leaderboard()` shows what was tried."
            )
        return self.fitted_.origin.result

    @property
    def broken_(self) -> list[str]:
        """Names of the files that `fit` left out because nobody can read them."""
        if self.fitted_.origin is None:
            raise AbsentError("A loaded estimator has no `broken_`: it is not in the file.")
        return list(self.fitted_.origin.broken)

    def leaderboard(
        self, X: Any = None, y: Any = None, *, sample_weight: Any = None, full: bool = False
    ) -> pd.DataFrame:
        """Trials and baselines, best first; failed trials with their reasons at the end.

        Args:
            X: New rows, on which every model that is kept is scored; without them the leaderboard
                of the search.
            y: Their targets.
            sample_weight: Weight of each of these rows.
            full: Whether the table has all columns, or the six that people read: rank, model, the
                score, the score on rows that had no part in the choice, seconds, size.

        Returns:
            A row for each model. With new rows its columns are all scores.

        Raises:
            SchemaError: If the new rows do not fit those of `fit`.
        """
        check_is_fitted(self)
        if X is None:
            return self.fitted_.leaderboard(full)
        return pd.DataFrame(self.fitted_.scored_rows(self._scoring(X, y, sample_weight)))

    def report(self, path: str | Path, *, examples: bool = True) -> None:
        """Writes what was asked, tried and found, for people who have never seen kerasnas.

        Args:
            path: A file that ends in `.html` for one page without scripts or other files, in
                `.json` for the same facts as data, or in `.md` for a model card. A file that is no
                report of kerasnas is not replaced.
            examples: Whether it shows up to eight validation rows, those that are answered worst.
                `False` suits rows that are confidential. A loaded estimator has no rows to show.

        Raises:
            ArtifactError: If the file cannot be written, or is there and is no report.
        """
        check_is_fitted(self)
        check_report_path(path)
        arguments = self._plain_arguments()
        if self.fitted_.origin is None:
            arguments.pop("budget", None)  # a file does not hold every budget
        else:
            arguments["budget"] = Budget.parse(self.get_params(deep=False)["budget"]).describe()
        write_report(path, facts_of(self.fitted_, arguments, examples))

    def explain(self, X: Any, *, label: Any = None, background: Any = None, seed: int = 0) -> Any:
        """What the answers to a few rows rest on.

        Tables: Shapley values of the raw columns. They say what each value of a row adds to its
        answer, beside the mean answer to other rows, and sum to the difference of the two. They are
        exact up to eight columns; with more, orders of columns are drawn.

        Texts: by how much the answer falls without each word. Images: by how much it falls where a
        patch is covered with the mean colour. Words and patches that say the same hide each other.

        Args:
            X: A few rows, at most 100, of the form that `fit` takes.
            label: The label whose probability is explained; `None` for the most probable one of
                each row. Of several numeric targets, the place of one, from 0.
            background: For tables, rows that stand for others; `None` for validation rows of `fit`,
                which a loaded estimator lacks. At most 40 of them are used.
            seed: Seed of what is drawn.

        Returns:
            For tables a DataFrame with the columns `row`, `feature`, `value`, `contribution`, the
            heaviest of each row first. `attrs["base"]` holds the mean answer for each row. For
            texts a DataFrame with `row`, `feature`, `word`, `start`, `contribution`, in the order
            of the text. `attrs["labels"]` of both holds the label that is explained. For images a
            list of arrays `(height, width)`.

        Raises:
            AbsentError: If this estimator reads neither a table, nor texts, nor images.
            SchemaError: If the rows do not fit or are too many, or there is no background.
        """
        check_is_fitted(self)
        return explained(self.fitted_, X, label, background, seed)

    def pareto_front(self) -> pd.DataFrame:
        """The trials that no other trial beats in every objective."""
        table = self.leaderboard(full=True)
        return table[table["on_front"]].reset_index(drop=True)

    @property
    def best_hyperparameters(self) -> dict[str, Any]:
        """Values of the best trial."""
        check_is_fitted(self)
        if self.fitted_.origin is not None:
            return self.result_.best_hyperparameters
        trials = [row for row in self.fitted_.rows if row["kind"] == "trial" and row["feasible"]]
        return dict(trials[0]["hyperparameters"])

    @property
    def fitted_again(self) -> bool:
        """Whether the model has members that were fitted once more, on the validation rows too."""
        check_is_fitted(self)
        return any(row["hyperparameters"].get("fitted_again") for row in self.fitted_.rows)

    def export_model(self) -> keras.Model:
        """The Keras model that takes raw data, the same that `save` writes."""
        check_is_fitted(self)
        return self.model_

    def save(self, path: str | Path) -> None:
        """Writes one `.keras` file that plain Keras can load.

        An older file at `path` is replaced only after the new one has been loaded again and has
        given the same answers.

        Raises:
            ArtifactError: If the file cannot be written or does not answer as the model does.
        """
        check_is_fitted(self)
        self.fitted_.save(path, self._plain_arguments())

    def export(self, path: str | Path, format: str = "savedmodel") -> None:
        """Writes the model for another runtime, after comparing what that runtime answers.

        Args:
            path: A folder for `savedmodel`; a file that ends in `.onnx` or `.tflite` else.
            format: `savedmodel`; `onnx` and `litert` need the extras of the same names.

        Raises:
            ArtifactError: If a package is missing, the model cannot be converted, or the other
                runtime gives other answers.
        """
        check_is_fitted(self)
        export(self.model_, path, format, self.fitted_.reader.probe())

    def _split_targets(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Inputs and targets, where `x` may hold both."""
        return x, y

    def _unpacked(self, x: Any) -> Taken:
        """Inputs, targets and weights of data that come batch by batch."""
        return Taken(x, None)

    def _stored(self, x: Any) -> Any:
        """A table in files as a `StoredTable`; anything else as it is."""
        return x

    def _answering(self, model: str | None) -> Fitted:
        """What answers: the model that `fit` chose, or that of another row of the leaderboard."""
        check_is_fitted(self)
        return self.fitted_ if model is None else self.fitted_.other(model)

    def _outputs(self, x: Any) -> Any:
        """All outputs of a graph with intervals or sets."""
        check_is_fitted(self)
        if not self.fitted_.decisions.intervals:
            raise SearchSpaceError(
                f"This estimator was fitted without intervals. Pass `intervals=0.9` to "
                f"{type(self).__name__} and fit it again."
            )
        return self.fitted_.all_outputs(self._stored(x))

    def _scores(self, x: Any, y: Any, sample_weight: Any) -> dict[str, float]:
        check_is_fitted(self)
        return self._scoring(x, y, sample_weight)(self.fitted_)

    def _scoring(self, x: Any, y: Any, sample_weight: Any) -> Callable[[Fitted], dict[str, float]]:
        """What scores a model on these rows."""
        rows = self._rows_of(x, y, sample_weight)
        return lambda fitted: fitted.scores(rows.x, rows.y, rows.weights)

    def _rows_of(self, x: Any, y: Any, sample_weight: Any) -> Taken:
        """Inputs, targets and weights of rows to score, however they are given."""
        check_is_fitted(self)
        x = self._stored(x)
        if isinstance(x, StoredTable):
            # Targets and weights of all rows are in memory, inputs only as they are answered.
            take_columns(x.first(), y, sample_weight)  # whether there are such columns
            names = [name for name in (y, sample_weight) if isinstance(name, str)]
            known = x.columns(names) if names else None
            taken = replace(take_columns(known, y, sample_weight), x=x.without(names))
        else:
            taken = self._taken(x, y, sample_weight)
        if taken.y is None:
            raise SchemaError("`y` is missing. Pass the targets of these rows.")
        return taken

    def _taken(self, x: Any, y: Any, sample_weight: Any) -> Taken:
        if is_batches(x) and (y is None or isinstance(y, str)):
            x, y, sample_weight = unpacked(self._unpacked(x), y, sample_weight)
        taken = take_columns(x, y, sample_weight)
        x, y = self._split_targets(taken.x, taken.y)
        return Taken(x, y, taken.weights)

    def _plain_arguments(self) -> dict[str, Any]:
        return plain_of(self.get_params(deep=False))

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a model."""
        return "fitted_" in vars(self)

    def _repr_html_(self) -> str:
        """How a notebook shows it: what was found, or without a fit what scikit-learn shows."""
        if not self.__sklearn_is_fitted__():
            return str(estimator_html_repr(self))
        return as_html(self.fitted_.verdict, self.leaderboard())

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """The same, for notebooks that ask for every form at once."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def __sklearn_tags__(self) -> Any:
        """scikit-learn's description of what this estimator can take."""
        tags = super().__sklearn_tags__()
        for name, takes in self._takes.items():
            setattr(tags.input_tags, name, takes)
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Constructor arguments, and the file that `save` would write."""
        state: dict[str, Any] = {"_arguments": self.get_params(deep=False)}
        if self.__sklearn_is_fitted__():
            with tempfile.TemporaryDirectory(prefix="kerasnas-") as folder:
                path = Path(folder) / "estimator.keras"
                self.fitted_.save(path, self._plain_arguments(), prove=False)
                state["_artifact"] = path.read_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuilds the estimator from the bytes of its file."""
        self.__init__(**state["_arguments"])  # type: ignore[misc]
        if "_artifact" in state:
            with tempfile.TemporaryDirectory(prefix="kerasnas-") as folder:
                path = Path(folder) / "estimator.keras"
                path.write_bytes(state["_artifact"])
                self.fitted_ = Fitted.load(path, self.reader_class, self.target_classes)
