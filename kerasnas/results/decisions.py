"""The constants that lead from probabilities or values to decisions, for every head of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from kerasnas.objectives import Objective
from kerasnas.problem import AnswerScorer
from kerasnas.results.conformal import Conformal
from kerasnas.results.conformal import from_json as conformal_from_json
from kerasnas.results.threshold import NEEDING, choose_threshold


@dataclass(frozen=True)
class Decisions:
    """Constants that lead from probabilities or values to decisions.

    Attributes:
        threshold: Probability from which the second of two classes is answered; `None` answers with
            the more probable class.
        conformal: Constants of the intervals or sets; `None` without them.
        outputs: The decisions of each head by output, where there are several heads.
    """

    threshold: float | None = None
    conformal: Conformal | None = None
    outputs: Mapping[str, Decisions] = field(default_factory=dict)

    def of(self, output: str) -> Decisions:
        """The decisions of one head; the only head may have any name."""
        return self.outputs.get(output, Decisions()) if self.outputs else self

    @property
    def intervals(self) -> dict[str, Conformal]:
        """Constants of intervals and sets by output; that of the only head has no name."""
        found = self.outputs or {"": self}
        return {name: one.conformal for name, one in found.items() if one.conformal is not None}

    def with_intervals(self, found: Mapping[str, Conformal]) -> Decisions:
        """The same decisions with these constants of intervals and sets, by output."""
        if "" in found:
            return replace(self, conformal=found[""])
        names = dict.fromkeys([*self.outputs, *found])
        return Decisions(outputs={n: replace(self.of(n), conformal=found.get(n)) for n in names})

    def to_json(self) -> dict[str, Any]:
        """The constants as plain values."""
        conformal = None if self.conformal is None else asdict(self.conformal)
        content = {"threshold": self.threshold, "conformal": conformal}
        if self.outputs:
            content["outputs"] = {name: one.to_json() for name, one in self.outputs.items()}
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Decisions:
        """The decisions that `to_json` wrote; a constant that is missing is `None`."""
        threshold, conformal = content.get("threshold"), content.get("conformal")
        return cls(
            None if threshold is None else float(threshold),
            None if conformal is None else conformal_from_json(conformal),
            {str(name): cls.from_json(one) for name, one in content.get("outputs", {}).items()},
        )


def chosen_thresholds(
    answers: np.ndarray, scorer: AnswerScorer, objective: Objective, seed: int
) -> Decisions:
    """The threshold of the head that the objective scores, where its metric needs one.

    Args:
        answers: Answers to the validation rows, `(rows, columns)`.
        scorer: Scores them.
        objective: What is optimised first.
        seed: Seed of the halves on which the gain is checked.
    """
    for one in scorer.class_columns:
        metric = objective.name
        if one.head and metric.startswith(f"val_{one.head}_"):
            metric = metric.replace(f"{one.head}_", "", 1)
        if one.scorer.classes != 2 or metric not in NEEDING:
            continue
        own = Objective(metric, objective.direction)
        threshold = choose_threshold(one.of(answers), one.scorer, own, seed)
        found = Decisions(threshold)
        return Decisions(outputs={one.head: found}) if one.head else found
    return Decisions()
