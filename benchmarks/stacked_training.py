"""Networks of folds one after the other, against all of them stacked in one program.

    python benchmarks/stacked_training.py --members 5 --rows 2000

For each family of networks on tables with its published default: milliseconds of a step of all
members, trained one after the other by one traced step, stacked, and stacked and compiled with XLA;
the seconds before the first step is done, tracing and compiling; and the largest difference of a
weight between stacked and separate training after an epoch, in float64, where rounding does not
hide it. Members differ in rows, weights and seeds, as folds do.
"""

from __future__ import annotations

import argparse
import os
import time

import keras
import keras_tuner
import numpy as np
import tensorflow as tf

from kerasnas.clock import Deadline
from kerasnas.spaces.tabular import TabularHyperModel
from kerasnas.trial.methods.stacked import StackedMember, StackedTrainer
from kerasnas.trial.plan import Plan
from kerasnas.trial.training import Trainer

COLUMNS, CHECKED_ROWS = 20, 600
FAMILIES = ("realmlp", "tabm", "mlp", "resnet", "mlp_plr", "ft_transformer")


def rows_of(number: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of one member."""
    rng = np.random.default_rng(number)
    x = rng.normal(size=(rows, COLUMNS)).astype(keras.config.floatx())
    return x, (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype("int32")


def members_of(family: str, count: int, rows: int) -> list[StackedMember]:
    """Members with their own rows and weights, for one epoch."""
    sample = rows_of(0, rows)[0]
    space = TabularHyperModel(COLUMNS, 2, rows=rows, families=(family,), sample=sample)
    members = []
    for number in range(count):
        keras.utils.set_random_seed(number)
        hp = keras_tuner.HyperParameters()
        network = space.build(hp)
        training = space.training(hp, network)
        # A clock that never ends a training, but makes it look at the time that steps take.
        plan = Plan(
            space.recipe(hp).batch_size, 1, None, seed=(number,), deadline=Deadline.after(1e6)
        )
        data = *rows_of(number, rows), None
        members.append(
            StackedMember(network, training, *data, plan, sample[:1], lambda answers: {})
        )
    return members


def _weights(member: StackedMember) -> list[np.ndarray]:
    return member.training.model.get_weights()


def difference(family: str) -> float:
    """The largest difference of a weight between both forms after an epoch, in float64."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        alone, stacked = (members_of(family, 3, CHECKED_ROWS) for _ in range(2))
        for member in alone:
            training = member.training
            Trainer(training.model, member.x, member.y, None, dict, training.pacing).run(
                member.plan
            )
        StackedTrainer(stacked).run()
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
    return float(
        max(
            np.abs(a - b).max()
            for one, other in zip(alone, stacked, strict=True)
            for a, b in zip(_weights(one), _weights(other), strict=True)
        )
    )


def separate(members: list[StackedMember], repeats: int) -> tuple[float, float]:
    """Seconds until the first step is done, and those of a step of all, one after the other."""
    first, paces = 0.0, []
    for number, member in enumerate(members):
        trainer = Trainer(member.training.model, member.x, member.y, None, dict)
        own = []
        for _ in range(repeats):
            trainer.run(member.plan)
            own.append(trainer.pace)
        paces.append(float(np.median(own)))
        first = trainer.tracing + paces[0] if number == 0 else first
    return first, sum(paces)


def together(members: list[StackedMember], repeats: int, xla: bool) -> tuple[float, float]:
    """The same, stacked."""
    begin = time.perf_counter()
    trainer = StackedTrainer(members, xla=xla)
    paces = [trainer.pace()]
    first = time.perf_counter() - begin
    return first, float(np.median([*paces, *(trainer.pace() for _ in range(repeats - 1))]))


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2000, help="of each member")
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(
        f"{given.members} members of {given.rows} rows, tensorflow {tf.__version__}, {cores} cores"
    )
    print("| family | one after the other | stacked | stacked, XLA | difference |")
    print("|---|---|---|---|---|")
    for family in given.families:
        forms = [separate(members_of(family, given.members, given.rows), given.repeats)]
        for xla in (False, True):
            members = members_of(family, given.members, given.rows)
            forms.append(together(members, given.repeats, xla))
        cells = [f"{pace * 1e3:.1f} ms, {first:.1f} s" for first, pace in forms]
        print(f"| {family} | {' | '.join(cells)} | {difference(family):.0e} |", flush=True)


if __name__ == "__main__":
    main()
