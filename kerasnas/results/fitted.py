"""The answer of a search as one value: it answers, scores, saves, and is read from a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from kerasnas import artifact
from kerasnas.data import Reader, check_same_length
from kerasnas.data.stored_tables import StoredTable
from kerasnas.errors import ArtifactError, SearchSpaceError
from kerasnas.objectives import Objective
from kerasnas.problem.heads import FittedHead, OwnLossHead, head_of
from kerasnas.problem.heads.targets import HeadTargets
from kerasnas.problem.rows import ANSWER, Rows, check_weights
from kerasnas.results.conformal import fit_conformal, with_intervals
from kerasnas.results.decisions import Decisions
from kerasnas.results.examination import Examination
from kerasnas.results.honesty import Comparison
from kerasnas.results.leaderboard import as_frame, name_of, short_frame
from kerasnas.results.origin import Origin
from kerasnas.results.traced import TracedModel
from kerasnas.results.verdict import Verdict, verdict_of
from kerasnas.version import __version__

_ON_BACKBONES = ("pretrained", "backbone")  # families that begin with a pretrained network
_AT_ONCE = 512  # calibration rows that are in memory together


@dataclass(frozen=True, eq=False)
class Fitted:
    """The answer of a search.

    Attributes:
        kind: Name of the estimator's class; a file names it, and errors name it.
        traced: The exported model.
        reader: Reads raw data as it read those of `fit`.
        target: Encodes and decodes targets.
        decisions: Constants that lead from answers to decisions.
        rows: The leaderboard as JSON-able rows, ranked.
        objectives: What was optimised, the most important first.
        chosen: The row of the leaderboard that answers, by its `trial_id`; empty where it is not
            known.
        comparison: The answer beside the best baseline; `None` where they were not compared.
        examination: How it did on the validation rows, as counts and curves.
        origin: The search and its data; `None` after loading.
    """

    kind: str
    traced: TracedModel = field(repr=False)
    reader: Reader
    target: Any
    decisions: Decisions = field(default_factory=Decisions)
    rows: Sequence[dict[str, Any]] = field(default=(), repr=False)
    objectives: tuple[Objective, ...] = ()
    chosen: str = ""
    comparison: Comparison | None = None
    examination: Examination = field(default_factory=Examination, repr=False)
    origin: Origin | None = field(default=None, repr=False)

    @property
    def model(self) -> keras.Model:
        """The exported model."""
        return self.traced.model

    @property
    def heads(self) -> dict[str, FittedHead]:
        """The heads by output; the only head of an estimator is called `answer`."""
        if isinstance(self.target, HeadTargets):
            return {name: head_of(target) for name, target in self.target.targets.items()}
        return {ANSWER: head_of(self.target)}

    def answer(self, x: Any) -> Any:
        """Answers of the exported graph to raw data, without intervals or sets.

        Args:
            x: What the user hands to `predict`.

        Raises:
            SchemaError: If the data do not fit those of `fit`.
        """
        return self._without_intervals(self.all_outputs(x))

    def answer_raw(self, raw: Any) -> Any:
        """As `answer`, for data that the reader has read."""
        return self._without_intervals(self.outputs(raw))

    def all_outputs(self, x: Any) -> Any:
        """All outputs of the exported graph to raw data; a table in files is read part by part."""
        if not isinstance(x, StoredTable):
            return self.outputs(self.reader.read(x, self.kind))
        parts = [self.outputs(self.reader.read(frame, self.kind)) for frame in x.frames()]
        return keras.tree.map_structure(lambda *a: np.concatenate(a), *parts)

    def _without_intervals(self, outputs: Any) -> Any:
        found = self.decisions.intervals
        if not found:
            return outputs
        return outputs["prediction"] if "" in found else {n: outputs[n] for n in self.heads}

    def decide(self, answers: Any) -> Any:
        """What `answer` gives in the form of the targets of `fit`; by output if there are several.

        Labels have the type that they had in `fit`. With several labels a row, those with a
        probability above one half, in the form of `y`.
        """
        heads = self.heads
        if len(heads) == 1:
            (head,) = heads.values()
            return head.decode(answers, self.decisions.threshold)
        return {
            name: head.decode(answers[name], self.decisions.of(name).threshold)
            for name, head in heads.items()
        }

    def outputs(self, raw: Any) -> Any:
        """All outputs of the exported graph to data that the reader has read, in their order."""
        places, parts = zip(*self.batches(raw), strict=True)
        order = np.argsort(np.concatenate(places), kind="stable")
        return keras.tree.map_structure(lambda *a: np.concatenate(a, axis=0)[order], *parts)

    def batches(self, raw: Any) -> Iterator[tuple[np.ndarray, Any]]:
        """All outputs call by call: indices of rows, and the answers to these rows."""
        for index, inputs in self.reader.batches(raw):
            # A batch may be filled up with rows that nobody looks at.
            cut = partial(_first, rows=len(index))
            yield index, keras.tree.map_structure(cut, self.traced(inputs))

    def scores(self, x: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Scores of the answers to rows whose targets are known.

        Args:
            x: What the user hands to `evaluate`.
            y: Targets as the user has them; by output where the target is that of heads by name.
            sample_weight: Weight of each row.

        Returns:
            Scores by name, of several heads by `output_score`. A head with a loss of the user's own
            is scored only during `fit`.

        Raises:
            SchemaError: If data, targets or weights do not fit.
        """
        answers, heads = self.answer(x), self.heads
        found: dict[str, float] = {}
        for name, head in heads.items():
            if isinstance(head, OwnLossHead):
                continue
            several = len(heads) > 1
            mine = np.asarray(answers[name] if several else answers)
            truth = y[name] if isinstance(self.target, HeadTargets) else y
            check_same_length(mine, truth)
            weights = check_weights(sample_weight, len(mine), "sample_weight")
            scorer = head.scorer(head.encode(truth), weights)
            threshold = self.decisions.of(name).threshold
            scores = (scorer if threshold is None else scorer.at(threshold))(mine)
            prefix = f"{name}_" if several else ""
            found.update({f"{prefix}{key}": value for key, value in scores.items()})
        return found

    def leaderboard(self, full: bool = False) -> pd.DataFrame:
        """The leaderboard as a table.

        Args:
            full: Whether it has all columns, or those that people read.
        """
        return as_frame(self.timed_rows) if full else short_frame(self.rows, self.ranked_by)

    @cached_property
    def timed_rows(self) -> list[dict[str, Any]]:
        """The rows, with the latency of the one that answers and of each pretrained network.

        The latency is measured when this property is first read.
        """
        found = []
        for row, timed in zip(self.rows, self._to_be_timed(), strict=True):
            if timed and not row.get("latency_ms"):
                chosen = row["trial_id"] == self.chosen
                traced = self.traced if chosen else self.other(row["trial_id"]).traced
                row = {**row, **traced.latency(self.reader.probe())}
            found.append(row)
        return found

    def _to_be_timed(self) -> Iterator[bool]:
        """For each row whether it answers, or is the best one that is kept on its backbone."""
        seen = set[str]()
        for row in self.rows:
            values = row.get("hyperparameters") or {}
            backbone, first = str(values.get("backbone", values.get("family"))), False
            if values.get("family") in _ON_BACKBONES and self._answers(row["trial_id"]):
                first = backbone not in seen
                seen.add(backbone)
            yield first or row["trial_id"] == self.chosen

    @property
    def verdict(self) -> Verdict:
        """The outcome of the search, in three sentences."""
        return verdict_of(self.rows, self.ranked_by[0], self.chosen, self.comparison)

    @property
    def ranked_by(self) -> tuple[Objective, ...]:
        """What rows are ranked by. A file of an older version does not say it."""
        if self.objectives or not self.rows:
            return self.objectives
        return (Objective(next(k for k in self.rows[0] if k.startswith("val_")), "min"),)

    def other(self, trial_id: str) -> Fitted:
        """The same with another row of the leaderboard as the answer: a trial or a baseline.

        Its labels are the more probable ones, and it has no intervals: thresholds and intervals
        were chosen for the model that answers.

        Args:
            trial_id: The row, by its `trial_id`.

        Raises:
            SearchSpaceError: If there is no such row, or its model is not kept.
        """
        if trial_id == self.chosen:
            return self
        if self.origin is None or not self.origin.keeps(trial_id):
            raise SearchSpaceError(self._why_absent(trial_id))
        traced, reader = self.origin.answering(trial_id, self.reader)
        return replace(self, traced=traced, reader=reader, decisions=Decisions(), chosen=trial_id)

    def _why_absent(self, trial_id: str) -> str:
        kept = [row["trial_id"] for row in self.rows if self._answers(row["trial_id"])]
        row = next((r for r in self.rows if r["trial_id"] == trial_id), {})
        why = "has no model here"
        if row.get("kind") == "baseline":
            why = "is a baseline that is too large to be kept"
            if row.get("failure"):
                why = f"is a baseline that was not fitted ({row['failure']})"
            elif self.origin is None:
                why = "is a baseline, which no file keeps; the estimator that was fitted has it"
        return f"`model` {trial_id!r} {why}. Those that answer: {', '.join(kept)}."

    def _answers(self, trial_id: str) -> bool:
        """Whether this row of the leaderboard can answer."""
        kept = self.origin is not None and self.origin.keeps(trial_id)
        return kept or trial_id == self.chosen

    def scored_rows(self, score: Callable[[Fitted], dict[str, float]]) -> list[dict[str, Any]]:
        """The rows whose models are kept, scored on other data, the best first.

        Args:
            score: Scores one of them.
        """
        objective, found = self.ranked_by[0], []
        name = objective.name.removeprefix("val_")
        for row in self.rows:
            if self._answers(row["trial_id"]):
                found.append({"model": name_of(row), **score(self.other(row["trial_id"]))})
        if found and name not in found[0]:
            return found
        return sorted(found, key=lambda row: objective.loss({objective.name: row[name]}))

    def calibrated(self, raw: Any, rows: Rows, level: float) -> Fitted:
        """The same model with intervals or sets as further outputs.

        Args:
            raw: Raw data of all rows.
            rows: Targets of all rows, and the calibration rows, of which the model knows nothing.
            level: Probability that the truth lies inside.

        Raises:
            SchemaError: If there are too few calibration rows.
        """
        apart = rows.calibration
        if rows.weights is not None:  # a row without weight counts for nothing
            apart = apart[rows.weights[apart] > 0]
        # A few at a time: images may be more than fit into memory.
        parts = np.array_split(apart, -(-len(apart) // _AT_ONCE) or 1)
        answers = [self.answer_raw(self.reader.take(raw, part)) for part in parts]
        whole = keras.tree.map_structure(lambda *a: np.concatenate(a), *answers)
        several = len(rows.heads) > 1
        found = {
            name if several else "": fit_conformal(
                whole[name] if several else whole, rows.encoded[name][apart], level, head.classes
            )
            for name, head in rows.heads.items()
            if head.calibrates
        }
        return replace(
            self,
            traced=TracedModel(with_intervals(self.model, found)),
            decisions=self.decisions.with_intervals(found),
        )

    def save(self, path: str | Path, arguments: Mapping[str, Any], prove: bool = True) -> None:
        """Writes one `.keras` file that plain Keras can load.

        Args:
            path: Where to; must end in `.keras`.
            arguments: Constructor arguments of the estimator, JSON-able.
            prove: Whether the file is loaded again and must give the same answers.

        Raises:
            ArtifactError: If the file cannot be written or does not answer as the model does.
        """
        member = {
            "estimator": self.kind,
            "arguments": dict(arguments),
            "reader": self.reader.to_json(),
            "target": {"kind": type(self.target).__name__, "content": self.target.to_json()},
            "leaderboard": [_plain(row) for row in self.rows],
            "decisions": self.decisions.to_json(),
            "objectives": [[o.name, o.direction] for o in self.objectives],
            "chosen": self.chosen,
            "examination": self.examination.to_json(),
            "comparison": None if self.comparison is None else self.comparison.to_json(),
            "versions": {"kerasnas": __version__, "keras": keras.__version__},
        }
        artifact.write(self.model, path, member, self.reader.probe() if prove else None)

    @classmethod
    def load(
        cls, path: str | Path, reader_class: type[Reader], target_classes: Sequence[Any]
    ) -> Fitted:
        """The value that `save` wrote.

        Args:
            path: The file.
            reader_class: Class of the reader. A file never names a class by itself.
            target_classes: Classes that the target may have.

        Raises:
            ArtifactError: If the file is missing, damaged or foreign, or lacks a part.
        """
        return cls.from_file(artifact.open_file(path), reader_class, target_classes)

    @classmethod
    def from_file(
        cls, file: artifact.KerasFile, reader_class: type[Reader], target_classes: Sequence[Any]
    ) -> Fitted:
        """The value in a file that is open.

        Args:
            file: The file.
            reader_class: As in `load`.
            target_classes: As in `load`.

        Raises:
            ArtifactError: As `load` does.
        """
        member = file.member()
        kinds: dict[str, Any] = {known.__name__: known for known in target_classes}
        try:
            parts = {
                "kind": str(member["estimator"]),
                "reader": reader_class.from_json(member["reader"]),
                "target": kinds[member["target"]["kind"]].from_json(member["target"]["content"]),
                "rows": [dict(row) for row in member["leaderboard"]],
                "decisions": Decisions.from_json(member.get("decisions", {})),
                "objectives": tuple(Objective(n, d) for n, d in member.get("objectives", ())),
                "chosen": str(member.get("chosen", "")),
                "examination": Examination.from_json(member.get("examination")),
                "comparison": Comparison.from_json(member.get("comparison")),
            }
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise ArtifactError(
                f"'{file.path}' is damaged: its description is not usable ({error})."
            ) from error
        return cls(traced=TracedModel.of_file(file), **parts)


def _first(answers: np.ndarray, rows: int) -> np.ndarray:
    return answers[:rows]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row without values that JSON has no word for."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
