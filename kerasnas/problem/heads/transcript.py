"""The head of one text a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from kerasnas.data.transcripts import Transcripts
from kerasnas.problem.heads.head import FittedHead, scoring_weights
from kerasnas.problem.transcripts import SPEECH, TranscriptScorer


@dataclass(frozen=True, eq=False)
class TranscriptHead(FittedHead):
    """Log probabilities of characters, `(rows, frames, 1 + characters)`."""

    target: Transcripts

    scores: ClassVar[tuple[str, ...]] = SPEECH

    @property
    def classes(self) -> int:
        """Number of characters."""
        return len(self.target.characters)

    def on(self, targets: np.ndarray, weights: np.ndarray | None = None) -> Self:
        """The head that knows the words of these training texts."""
        texts = (self.target.decode(codes) for codes in targets)
        return replace(self, target=self.target.with_words(texts))

    def joined(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """As `FittedHead.joined`: the shorter ones are filled with the blank at their end."""
        longest = max(first.shape[1], second.shape[1])
        filled = (np.pad(a, ((0, 0), (0, longest - a.shape[1]))) for a in (first, second))
        return np.concatenate(list(filled))

    def learnt(self, targets: np.ndarray) -> np.ndarray:
        """As `FittedHead.learnt`."""
        return targets.astype("int32")

    def scorer(
        self,
        targets: np.ndarray,
        weights: np.ndarray | None = None,
        extra: tuple[str, ...] = (),
    ) -> TranscriptScorer:
        """As `FittedHead.scorer`."""
        alphabet = self.target.alphabet
        return TranscriptScorer(targets, self.classes, scoring_weights(weights), alphabet=alphabet)
