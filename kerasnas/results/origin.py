"""Where a model comes from: its search, the data, and the other models that are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from kerasnas.data import Reader
from kerasnas.results.mistakes import Mistakes
from kerasnas.results.result import SearchResult
from kerasnas.results.traced import AnsweringBaseline, TracedModel


@dataclass(frozen=True, eq=False)
class Origin:
    """The search and the data that a model comes from. No file holds them.

    Attributes:
        result: The search.
        raw: Raw data of all rows of `fit`; `None` where no method asks for rows after `fit`.
        rows: Targets, weights and split of these rows; of a forecaster the validation origins.
        scorer: Scores answers to the validation rows.
        broken: Names of the files that `fit` left out because nobody can read them.
        mistakes: The validation rows that are answered worst; `None` where targets have a form in
            which there are none.
        reader_of: From a model of the search to what reads rows for it; `None` where the reader of
            the answer does.
        baselines: The baselines that answer, by name.
        baseline_reader: Reads rows for them; `None` where the reader of the answer does.
    """

    result: SearchResult
    raw: Any = None
    rows: Any = None
    scorer: Any = None
    broken: Sequence[str] = ()
    mistakes: Mistakes | None = None
    reader_of: Callable[[keras.Model], Reader] | None = None
    baselines: Mapping[str, AnsweringBaseline] = field(default_factory=dict)
    baseline_reader: Reader | None = None

    def keeps(self, trial_id: str) -> bool:
        """Whether this row of the leaderboard has a model that answers."""
        return trial_id in self.baselines or self.result.networks.there(trial_id)

    def answering(self, trial_id: str, reader: Reader) -> tuple[TracedModel, Reader]:
        """The model of a row, and what reads rows for it.

        Args:
            trial_id: A trial or a baseline that is kept.
            reader: The reader of the answer.
        """
        if trial_id in self.baselines:
            return self.baselines[trial_id], self.baseline_reader or reader
        trial = next(t for t in self.result.history if t.trial_id == trial_id)
        model = self.result.networks.model(trial)
        return TracedModel(model), reader if self.reader_of is None else self.reader_of(model)
