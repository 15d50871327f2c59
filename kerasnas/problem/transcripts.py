"""Scores of recognised speech, under the names that leaderboards and objectives use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasnas.problem.decoding import error_rates, greedy
from kerasnas.problem.metrics import ClassColumns, Scorer

SPEECH = ("wer", "cer", "text_accuracy")


@dataclass(frozen=True)
class TranscriptScorer(Scorer):
    """Scores log probabilities of characters, read greedily; targets are numbers of characters.

    Attributes:
        alphabet: Characters by number; the blank is empty.
    """

    alphabet: tuple[str, ...] = ()

    @property
    def class_columns(self) -> tuple[ClassColumns, ...]:
        """None: a row has probabilities for every frame."""
        return ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, without the prefix `val_`."""
        return SPEECH

    def some(self, names: Sequence[str], predictions: np.ndarray) -> dict[str, float]:
        """The scores of these names of log probabilities `(rows, frames, 1 + characters)`."""
        if not np.isfinite(predictions).all():
            return dict.fromkeys(names, float("nan"))
        truths = [self._text(row) for row in self.targets]
        answers = [" ".join(self._text(row).split()) for row in greedy(predictions)]
        rates = error_rates(truths, answers, self.weights)
        return {name: rates[name] for name in names}

    def _text(self, codes: np.ndarray | list[int]) -> str:
        return "".join(self.alphabet[int(i)] for i in codes)
