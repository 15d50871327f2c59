"""Seeds for one trial that leave the user's random state as it was."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def seed_of(seed: int, number: int) -> int:
    """The seed of one trial, in [0, 2**32): that of the search mixed with the trial's number."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


@contextmanager
def seeded(seed: int, number: int) -> Iterator[None]:
    """Inside, Python's and NumPy's global generators depend on the trial alone.

    Keras draws the seeds of initialisers and dropout from Python's generator, so that this fixes a
    model without `keras.utils.set_random_seed`, which would reseed the user's program.

    Args:
        seed: Seed of the search.
        number: Number of the trial.
    """
    kept = random.getstate(), np.random.get_state()
    mixed = seed_of(seed, number)
    random.seed(mixed)
    np.random.seed(mixed)
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
