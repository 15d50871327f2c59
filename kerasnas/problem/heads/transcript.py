"""The head of one text a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kerasnas.data.transcripts import Transcripts
from kerasnas.problem.heads.head import FittedHead, counted
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
        return TranscriptScorer(targets, self.classes, counted(weights), alphabet=alphabet)
