"""Zero-cost scores of the architectures of a search space, for the strategy to begin with."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner
import numpy as np

from kerasnas.oracles import ZeroCost
from kerasnas.spaces import proxies
from kerasnas.spaces.space import Space
from kerasnas.trial import measure
from kerasnas.trial.job import Job
from kerasnas.trial.seeding import seeded
from kerasnas.trial.session import forget_layers

_NUMBER = 2**31 - 3  # for the seed, in the place of the number of a trial

log = logging.getLogger("kerasnas")


def zero_cost_of(space: Space, job: Job) -> ZeroCost | None:
    """Scores of the untrained architectures of a space; `None` where its `zero_cost` is false.

    Args:
        space: A search space.
        job: Its views hold rows for the scores that need some.
    """
    if not space.zero_cost or keras.backend.backend() != "tensorflow":
        return None

    def score(values: Mapping[str, Any]) -> dict[str, float]:
        hp = keras_tuner.HyperParameters()
        hp.values = dict(values)
        forget_layers()
        try:
            with seeded(job.seed, _NUMBER):
                model = space.build(hp)
                scores = {
                    "params": float(model.count_params()),
                    "flops": float(measure.flops(model)),
                    "synflow": proxies.synflow(model),
                }
                x = job.view(hp).x
                if isinstance(x, np.ndarray):
                    scores["naswot"] = proxies.naswot(model, x[: proxies.ROWS])
        except Exception as error:
            # What cannot be built will fail as a trial, with its reason in the leaderboard.
            log.debug("No zero-cost scores for %s: %s", values, error)
            return {"synflow": -math.inf}
        return scores

    return ZeroCost(score)
