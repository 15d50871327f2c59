"""From the probabilities of characters in every frame to texts, and what is wrong with these.

Number 0 is the blank of CTC (Graves et al. 2006). Beams are those of prefixes (Hannun et al. 2014).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

_SURE = -1e-3  # log probability of the blank from which nothing else is looked at in a frame
_RARE = -9.0  # log probability from which a character is not looked at
_NEVER = -math.inf


def greedy(answers: np.ndarray) -> list[list[int]]:
    """The most probable character of every frame, repetitions and blanks left out.

    Args:
        answers: Log probabilities `(rows, frames, 1 + characters)`.
    """
    best = answers.argmax(axis=2)
    fresh = np.ones(best.shape, bool)
    fresh[:, 1:] = best[:, 1:] != best[:, :-1]
    return [row[keep & (row != 0)].tolist() for row, keep in zip(best, fresh, strict=True)]


class WordPrefixes:
    """A vocabulary as a tree of prefixes, for beams that may only spell its words.

    Args:
        words: Words as sequences of numbers.
        space: Number of the space, `None` where texts have none.
    """

    def __init__(self, words: Iterable[Sequence[int]], space: int | None) -> None:
        self.space = space
        self._next: dict[tuple[int, ...], set[int]] = defaultdict(set)
        self._whole: set[tuple[int, ...]] = set()
        for word in words:
            whole = tuple(word)
            self._whole.add(whole)
            for i, character in enumerate(whole):
                self._next[whole[:i]].add(character)

    def allows(self, prefix: tuple[int, ...], character: int) -> bool:
        """Whether a text that begins so may go on so."""
        word = self._last(prefix)
        if character == self.space:
            return word in self._whole
        return character in self._next.get(word, ())

    def whole(self, prefix: tuple[int, ...]) -> bool:
        """Whether a text may end here."""
        return not prefix or self._last(prefix) in self._whole

    def _last(self, prefix: tuple[int, ...]) -> tuple[int, ...]:
        if self.space is None or self.space not in prefix:
            return prefix
        return prefix[len(prefix) - prefix[::-1].index(self.space) :]


def beam(frames: np.ndarray, width: int = 16, words: WordPrefixes | None = None) -> list[int]:
    """The most probable text of one sound, the probabilities of all its alignments summed.

    Args:
        frames: Log probabilities `(frames, 1 + characters)`.
        width: Beginnings that are followed.
        words: The words that may be spelled; `None` for any text.
    """
    # Beginning -> log probabilities of its alignments that end in a blank, and that do not.
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, _NEVER)}
    for frame in frames:
        if frame[0] > _SURE:
            # Nothing but the blank: every beginning stays, and may repeat its last character.
            beams = {p: (_sum(b, n) + float(frame[0]), _NEVER) for p, (b, n) in beams.items()}
            continue
        likely = [int(c) for c in np.flatnonzero(frame > _RARE) if c]
        grown: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [_NEVER, _NEVER])
        for prefix, (blank, other) in beams.items():
            both = _sum(blank, other)
            entry = grown[prefix]
            entry[0] = _sum(entry[0], both + float(frame[0]))
            if prefix:
                entry[1] = _sum(entry[1], other + float(frame[prefix[-1]]))
            for character in likely:
                if words is not None and not words.allows(prefix, character):
                    continue
                before = blank if prefix and prefix[-1] == character else both
                if before > _NEVER:
                    entry = grown[(*prefix, character)]
                    entry[1] = _sum(entry[1], before + float(frame[character]))
        ranked = sorted(grown.items(), key=lambda item: -_sum(*item[1]))
        beams = {prefix: (b, n) for prefix, (b, n) in ranked[:width]}
    ranked_beams = sorted(beams, key=lambda prefix: -_sum(*beams[prefix]))
    if words is not None:
        ranked_beams = [p for p in ranked_beams if words.whole(p)] or ranked_beams
    return list(ranked_beams[0])


def edits(truth: Sequence[Hashable], answer: Sequence[Hashable]) -> int:
    """Fewest insertions, deletions and replacements from one sequence to the other."""
    if truth == answer:
        return 0
    row = list(range(len(answer) + 1))
    for i, wanted in enumerate(truth, 1):
        left, row[0] = row[0], i
        for j, got in enumerate(answer, 1):
            left, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, left + (wanted != got))
    return row[-1]


def error_rates(
    truths: Sequence[str], answers: Sequence[str], weights: Any = None
) -> dict[str, float]:
    """Edits a word (`wer`), edits a character (`cer`) and the share of texts that are right."""
    weight = np.ones(len(truths)) if weights is None else np.asarray(weights, "float64")
    pairs = list(zip(truths, answers, strict=True))

    def rate(parts: Any) -> float:
        wrong = np.array([edits(parts(t), parts(a)) for t, a in pairs])
        size = np.array([len(parts(t)) for t, _ in pairs])
        return float((weight * wrong).sum() / max((weight * size).sum(), 1e-12))

    right = np.array([t == a for t, a in pairs])
    return {
        "wer": rate(str.split),
        "cer": rate(list),
        "text_accuracy": float(np.average(right, weights=weight)),
    }


def _sum(a: float, b: float) -> float:
    """The logarithm of a sum of two probabilities, given their logarithms."""
    if a == _NEVER or b == _NEVER:
        return max(a, b)
    high, low = (a, b) if a > b else (b, a)
    return high + math.log1p(math.exp(low - high))
