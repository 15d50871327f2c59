"""One small network that answers as a large model does (Bucilă, Caruana and Niculescu-Mizil 2006).

The student learns the teacher's answers, probabilities included, to the training rows and to rows
made of these: each takes some of its values from its nearest neighbour, so that the teacher is
asked where data are. That is MUNGE of the same publication without its noise, which would give
values that no column has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import keras_tuner
import numpy as np

from kerasnas import artifact, assembly
from kerasnas.clock import Deadline, Margin, Purpose, Stopwatch, amount, seconds_of
from kerasnas.objectives import Objective
from kerasnas.preprocessing import Preprocessing
from kerasnas.problem import Scorer, Units
from kerasnas.problem.metrics import validated
from kerasnas.spaces import tabular
from kerasnas.trial import measure
from kerasnas.trial.answers import Predictor
from kerasnas.trial.plan import Plan
from kerasnas.trial.seeding import seeded
from kerasnas.trial.training import Trainer

Raw = Mapping[str, np.ndarray]

STUDENT: dict[str, Any] = {
    "family": "realmlp",
    "realmlp_layers": 2,
    "realmlp_width": 64,
    "realmlp_dropout": 0.0,
}
"""A narrow RealMLP without dropout: there are as many rows as one likes."""

_COPIES = 5  # made rows for each training row
_MOST_ROWS = 100_000
_SWAPPED = 0.5  # of the values of a made row are its neighbour's
_TRUTH = 0.3  # of the target of a training row is its own label, the rest the teacher's answer
_NEIGHBOURS = 4000  # rows among which the nearest is looked for
_LENGTHS = (4, 8, 16, 32, 64, 128)


@dataclass(frozen=True, eq=False)
class Lesson:
    """What there is to learn from, and to be scored on.

    Attributes:
        raw: Raw columns of all rows.
        preprocessing: Fitted on the training rows.
        targets: Integer labels or values of all rows.
        weights: Weight of every row, or `None`.
        classes: Number of classes; `None` for regression.
        units: The scale of a regression's targets.
        learn: Places of the rows to learn from.
        check: Places of the rows to be scored on.
        scorer: Scores answers to `check`, in the user's units.
        objective: What the best epoch is chosen by.
        example: Input of one row, for the latency of whole models.
        seen: Whether the teacher has learnt from the rows that both are scored on.
    """

    raw: Raw
    preprocessing: Preprocessing
    targets: np.ndarray
    weights: np.ndarray | None
    classes: int | None
    units: Units | None
    learn: np.ndarray
    check: np.ndarray
    scorer: Scorer
    objective: Objective
    example: Any
    seen: bool = False


@dataclass(frozen=True, eq=False)
class Distilled:
    """A student and what it gives up.

    Attributes:
        model: The exported graph: raw columns in, answers in the user's units out.
        answers: Its answers to the rows that it was scored on.
        row: A row of the leaderboard.
        sentence: What was given up, and for what.
    """

    model: keras.Model
    answers: np.ndarray
    row: dict[str, Any]
    sentence: str


def distil(
    lesson: Lesson,
    teacher: keras.Model,
    ask: Callable[[Raw], np.ndarray],
    deadline: Deadline,
    seed: int,
) -> Distilled:
    """Trains a small network on a teacher's answers.

    Args:
        lesson: Rows.
        teacher: The large exported model, whose size and latency are compared.
        ask: Its answers to raw columns, in the user's units.
        deadline: When all of it has to be done.
        seed: Seed.
    """
    watch, asking = Stopwatch(), deadline.allot(Purpose.ASK_TEACHER).left
    taught = ask(_some(lesson.raw, lesson.check))  # traces, so that what follows tells the pace
    own = _some(lesson.raw, lesson.learn)
    answers: list[np.ndarray] = []
    pace = seconds_of(lambda: answers.append(ask(own)))
    rows = len(lesson.learn)
    copies = min(_COPIES, _MOST_ROWS // rows, int(asking / max(pace, 1e-3)))
    matrix = lesson.preprocessing.transform(own)
    partner = _nearest(matrix[:, : matrix.shape[1] - len(lesson.preprocessing.embedded)], seed)
    parts = [own]
    for copy in range(copies):
        made = _mixed(own, partner, np.random.default_rng([seed % 2**63, 0xD1, copy]))
        answers.append(ask(made))
        parts.append(made)
    y, weights = _targets(lesson, answers)
    x = lesson.preprocessing.transform(
        {name: np.concatenate([part[name] for part in parts]) for name in own}
    )
    with seeded(seed, 2**31 - 2):
        network, predict = _train(lesson, matrix, x, y, weights, deadline, seed)
    found = predict()
    if lesson.units is not None:
        found = lesson.units.restore(found)
    model = assembly.join(lesson.preprocessing.front, network, lesson.units)
    row = _row(model, lesson, found, taught)
    row["hyperparameters"] = {**STUDENT, "rows": len(x), "made_rows": len(x) - rows}
    sentence = _sentence(row, teacher, lesson)
    row["seconds"] = watch.seconds
    return Distilled(model, found, row, sentence)


def _train(
    lesson: Lesson,
    sample: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None,
    deadline: Deadline,
    seed: int,
) -> tuple[keras.Model, Callable[[], np.ndarray]]:
    front, embedded = lesson.preprocessing, tuple(lesson.preprocessing.embedded.values())
    space = tabular(
        front.width,
        lesson.classes,
        embedded=embedded,
        rows=len(x),
        families=(STUDENT["family"],),
        sample=sample,
        groups=front.owners[: front.width - len(embedded)],
    )
    hp = keras_tuner.HyperParameters()
    hp.values.update(STUDENT)
    network = space.build(hp)
    if lesson.classes is not None:
        network.compile(optimizer=network.optimizer, loss=keras.losses.CategoricalCrossentropy())
    recipe = space.recipe(hp)
    predict = Predictor(network, front.transform(_some(lesson.raw, lesson.check)))

    def validate() -> dict[str, float]:
        return lesson.scorer.validation(predict())

    until = deadline.allot(Purpose.TRAIN_STUDENT)
    training = space.training(hp, network)
    Trainer(training.model, x, y, weights, validate, training.pacing).run(
        Plan(
            batch_size=recipe.batch_size,
            epochs=None,
            monitor=lesson.objective.name,
            sign=1 if lesson.objective.direction == "min" else -1,
            rates=recipe.rates,
            lengths=_LENGTHS,
            deadline=until,
            share=amount(Margin.STUDENT_PLAN) * until.left,
            seed=(seed, 0),
        )
    )
    return network, predict


def _targets(lesson: Lesson, answers: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
    """What a network is to answer to the training rows and to those made of them, and weights."""
    truth = lesson.targets[lesson.learn]
    if lesson.classes is None:
        known = truth.reshape(-1, 1).astype("float64")
    else:
        known = np.eye(lesson.classes)[truth]
    first = _TRUTH * known + (1 - _TRUTH) * answers[0]
    y = np.concatenate([first, *answers[1:]])
    if lesson.units is not None:
        y = lesson.units.standardise(y[:, 0])
    if lesson.weights is None:
        return y.astype("float32"), None
    own = lesson.weights[lesson.learn]
    own = own / own.mean() if own.mean() > 0 else own
    return y.astype("float32"), np.tile(own, len(answers)).astype("float32")


def _some(raw: Raw, rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[rows] for name, values in raw.items()}


def _nearest(x: np.ndarray, seed: int) -> np.ndarray:
    """For each row the place of another one that is near, among some thousand."""
    from sklearn.neighbors import NearestNeighbors

    known = np.random.default_rng([seed % 2**63, 0xD0]).permutation(len(x))[:_NEIGHBOURS]
    if x.shape[1] == 0 or len(known) < 2:
        return np.roll(np.arange(len(x)), 1)
    found = NearestNeighbors(n_neighbors=2).fit(x[known]).kneighbors(x, return_distance=False)
    near = known[found]
    return np.where(near[:, 0] == np.arange(len(x)), near[:, 1], near[:, 0])


def _mixed(raw: Raw, partner: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Rows with some of their values from a partner row, column by column."""
    return {
        name: np.where(rng.random(len(partner)) < _SWAPPED, values[partner], values)
        for name, values in raw.items()
    }


def _row(
    model: keras.Model, lesson: Lesson, answers: np.ndarray, taught: np.ndarray
) -> dict[str, Any]:
    """The student as a row of the leaderboard; what it costs is measured on the whole graph."""
    name = lesson.objective.name
    return {
        "trial_id": "distilled",
        "kind": "distilled",
        "status": "COMPLETED",
        **validated(lesson.scorer(answers)),
        f"{name}_teacher": validated(lesson.scorer(taught))[name],
        "params": float(model.count_params()),
        "flops": float(measure.flops(model)),
        **measure.latency(model, lesson.example),
        "size_bytes": float(artifact.size_of(model)),
        "failure": "",
    }


def _sentence(row: Mapping[str, Any], teacher: keras.Model, lesson: Lesson) -> str:
    name = lesson.objective.name
    slow = measure.latency(teacher, lesson.example)["latency_ms"]
    large = artifact.size_of(teacher)
    return (
        f"distilled: {name} {row[name]:.4g} (teacher {row[f'{name}_teacher']:.4g}), "
        f"{_bytes(row['size_bytes'])} and {row['latency_ms']:.2g} ms "
        f"instead of {_bytes(large)} and {slow:.2g} ms"
        + (", scored on rows that the teacher has learnt from" if lesson.seen else "")
    )


def _bytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
