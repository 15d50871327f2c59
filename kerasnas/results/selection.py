"""Which models belong into an ensemble, and with what weight (Caruana et al. 2004)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kerasnas.clock import ENDLESS, Deadline
from kerasnas.objectives import Objective
from kerasnas.problem import AnswerScorer
from kerasnas.results.calibration import Calibration, fit_calibration

ROUNDS = 40
"""Times that a member is added, or weighs more."""

_TIE = 1e-12  # relative
_DRAWS = 16  # of the validation rows with replacement: the choice is made on each anew
_FEW_DRAWS, _MANY_ROWS = 6, 5_000  # one choice among many rows takes long and flatters little
_MANY_CELLS = 200_000  # rows times classes, each of which is scored

Loss = Callable[[np.ndarray], float]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A finished trial as a possible member.

    Attributes:
        trial_id: Identity.
        answers: Its answers to the validation rows, in the user's units.
        latency_ms: Latency for one row.
    """

    trial_id: str
    answers: np.ndarray
    latency_ms: float = 0.0


@dataclass(frozen=True)
class Selection:
    """The members of an ensemble.

    Attributes:
        weights: Weight by trial, summing to 1.
        calibration: Calibration of the weighted mean.
        loss: Objective to minimise on the rows that it was chosen on.
        held_out: The same on rows that it was not chosen on: chosen on rows drawn with replacement,
            scored on those that were not drawn, several times.
        plain: `held_out` without temperatures. Those of a draw are fitted on fewer rows than draws
            seem to have, and too sure.
        single: `held_out` of choosing only one model in the same way.
    """

    weights: dict[str, float]
    calibration: Calibration
    loss: float
    held_out: float
    plain: float
    single: float

    @property
    def better(self) -> bool:
        """Whether it beats the best single model on rows that neither was chosen on."""
        return min(self.held_out, self.plain) < self.single

    def answer(self, candidates: Sequence[Candidate]) -> np.ndarray:
        """Its answers to the validation rows."""
        members = [c for c in candidates if c.trial_id in self.weights]
        weights = [self.weights[c.trial_id] for c in members]
        mean = np.average([c.answers.astype("float64") for c in members], axis=0, weights=weights)
        return self.calibration(mean)


def select(
    candidates: Sequence[Candidate],
    scorer: AnswerScorer,
    objective: Objective,
    *,
    size: int,
    seed: int,
    start: int = 0,
    rounds: int = ROUNDS,
    deadline: Deadline = ENDLESS,
) -> Selection:
    """Chooses members greedily, with replacement, on the objective's own metric.

    Heads with classes get a temperature: one parameter fits little noise, and lowers the log loss
    on new rows more where it need not prove itself or is not drawn towards 1
    (`docs/benchmarks.md`). How much the choice flatters is found by making it anew on draws of the
    rows, without any training (Tsamardinos et al. 2018).

    Args:
        candidates: At least one, the best first.
        scorer: Scores answers to the validation rows.
        objective: A metric of the scorer, with the prefix `val_`.
        size: Most different members.
        seed: Seed of the draws.
        start: Members to start from, the best ones (sorted initialisation, Caruana et al. 2004).
        rounds: Times that a member is added, or weighs more.
        deadline: When it has to be chosen.
    """
    answers = np.stack([c.answers for c in candidates]).astype("float64")
    costs = np.array([c.latency_ms for c in candidates])
    everything = np.arange(answers.shape[1])
    pool = _Pool(answers, costs, scorer, objective, size, min(start, size), rounds)
    counts = pool.greedy(everything, deadline)
    weights = counts / counts.sum()
    draws: list[_Draw] = []
    for chosen_on, scored_on in _draws(answers[0], seed):
        if deadline.passed:
            break
        draws.append(pool.draw(chosen_on, scored_on, deadline))
    mean = np.tensordot(weights, answers, axes=1)
    calibration = fit_calibration(mean, scorer.class_columns, everything)
    kept = {c.trial_id: float(w) for c, w in zip(candidates, weights, strict=True) if w > 0}
    selection = Selection(kept, calibration, 0.0, 0.0, 0.0, 0.0)
    final, loss = selection.answer(candidates), pool.loss(everything)
    alone = answers[int(np.argmin([loss(a) for a in answers]))]
    # What is chosen now is scored on the same rows as what each draw chose: that chance takes no
    # part, and a choice that is always the same does not flatter at all.
    chosen = [d.loss(d.answers) - d.loss(final[d.rows]) for d in draws]
    plain = [d.loss(d.mean) - d.loss(mean[d.rows]) for d in draws]
    single = [d.alone - d.loss(alone[d.rows]) for d in draws]
    return replace(
        selection,
        loss=loss(final),
        held_out=loss(final) + _mean(chosen),
        plain=loss(mean) + _mean(plain),
        single=loss(alone) + _mean(single),
    )


def flattery(
    candidates: Sequence[Candidate], scorer: AnswerScorer, objective: Objective, seed: int
) -> float:
    """By how much the best candidate looks better than it is, since its rows chose it.

    As `Selection.single` less its loss, where no ensemble is chosen beside it.

    Args:
        candidates: At least one.
        scorer: Scores answers to the validation rows.
        objective: A metric of the scorer, with the prefix `val_`.
        seed: Seed of the draws.
    """
    answers = np.stack([c.answers for c in candidates]).astype("float64")
    pool = _Pool(answers, np.zeros(len(answers)), scorer, objective, 1, 0, 1)
    everything = np.arange(answers.shape[1])
    best = answers[pool.best(everything)]
    found = []
    for chosen_on, scored_on in _draws(best, seed):
        loss, chosen = pool.loss(scored_on), answers[pool.best(chosen_on)]
        found.append(loss(chosen[scored_on]) - loss(best[scored_on]))
    return _mean(found)


@dataclass(frozen=True, eq=False)
class _Draw:
    """What was chosen on the rows of one draw, and its answers to the others.

    Attributes:
        rows: The others.
        mean: Weighted mean of the chosen candidates.
        answers: The same with temperatures fitted on the rows drawn.
        loss: The objective of answers to the others, to minimise.
        alone: The same of the single candidate that is best on the rows drawn.
    """

    rows: np.ndarray
    mean: np.ndarray
    answers: np.ndarray
    loss: Loss
    alone: float


class _Pool:
    """Candidates and the way they are scored."""

    def __init__(
        self,
        answers: np.ndarray,
        costs: np.ndarray,
        scorer: AnswerScorer,
        objective: Objective,
        size: int,
        start: int,
        rounds: int,
    ) -> None:
        self._answers = answers
        self._costs = costs
        self._scorer = scorer
        self._objective = objective
        self._size = size
        self._start = start
        self._rounds = rounds

    def loss(self, rows: np.ndarray) -> Loss:
        """The objective of answers to some rows, to minimise."""
        score = self._scorer.of(rows)
        name = self._objective.name
        short = name.removeprefix("val_")

        def loss(answers: np.ndarray) -> float:
            return self._objective.loss({name: score.some([short], answers)[short]})

        return loss

    def best(self, rows: np.ndarray) -> int:
        """The place of the candidate with the least loss on some rows."""
        loss = self.loss(rows)
        return int(np.argmin([loss(a[rows]) for a in self._answers]))

    def draw(self, chosen_on: np.ndarray, scored_on: np.ndarray, deadline: Deadline) -> _Draw:
        """Chooses on some rows, and answers the others."""
        answers, loss = self._answers, self.loss(scored_on)
        counts = self.greedy(chosen_on, deadline)
        mean = np.tensordot(counts / counts.sum(), answers, axes=1)
        columns = self._scorer.class_columns
        calibration = fit_calibration(mean[chosen_on], columns, chosen_on)
        alone = loss(answers[self.best(chosen_on)][scored_on])
        held = mean[scored_on]
        return _Draw(scored_on, held, calibration(held), loss, alone)

    def greedy(self, rows: np.ndarray, deadline: Deadline) -> np.ndarray:
        """How often each candidate was added, up to the first lowest loss on these rows."""
        answers, loss = self._answers[:, rows], self.loss(rows)
        counts = np.zeros(len(answers), dtype="int64")
        if self._start > 1:
            counts[np.argsort([loss(a) for a in answers], kind="stable")[: self._start]] = 1
        total, first = answers[counts > 0].sum(axis=0), int(counts.sum())
        best, best_counts = (loss(total / first) if first else math.inf), counts
        for step in range(first + 1, self._rounds + 1):
            allowed = self._allowed(counts)
            losses = np.full(len(answers), math.inf)
            for i in allowed:
                losses[i] = loss((total + answers[i]) / step)
            chosen = self._pick(losses, counts)
            counts = counts.copy()
            counts[chosen] += 1
            total = total + answers[chosen]
            if losses[chosen] < best - _TIE * abs(best) or step == 1:
                best, best_counts = losses[chosen], counts
            if deadline.passed:
                break
        return best_counts

    def _allowed(self, counts: np.ndarray) -> np.ndarray:
        """Once there are as many members as there may be, only these."""
        full = np.count_nonzero(counts) >= self._size
        return np.flatnonzero(counts) if full else np.arange(len(counts))

    def _pick(self, losses: np.ndarray, counts: np.ndarray) -> int:
        """The lowest loss; of equal ones a member, then the faster, then the earlier."""
        least = np.min(losses)
        if not math.isfinite(least):
            return 0
        equal = np.flatnonzero(losses <= least + _TIE * abs(least))
        order = sorted(equal, key=lambda i: (counts[i] == 0, self._costs[i], i))
        return int(order[0])


def _draws(answers: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draws of the rows with replacement to choose on, each with the rows that it lacks."""
    rng = np.random.default_rng([seed, 0xE5])
    found, rows = [], len(answers)
    for _ in range(_FEW_DRAWS if rows > _MANY_ROWS or answers.size > _MANY_CELLS else _DRAWS):
        drawn = np.sort(rng.integers(0, rows, rows))
        rest = np.setdiff1d(np.arange(rows), drawn)
        if len(rest):
            found.append((drawn, rest))
    return found


def _mean(values: Sequence[float]) -> float:
    """The mean of what could be scored: some metrics need rows of every class."""
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite)) if finite else math.inf
