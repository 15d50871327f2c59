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
from kerasnas.runner import measure
from kerasnas.runner.job import Job
from kerasnas.spaces import proxies

log = logging.getLogger("kerasnas")


def zero_cost_of(hypermodel: Any, job: Job) -> ZeroCost | None:
    """What scores the architectures of a hypermodel, or `None` where that makes no sense.

    A space says by its attribute `zero_cost` that its networks differ by architecture, so that
    untrained ones can be told apart.

    Args:
        hypermodel: A hypermodel.
        job: Its views hold rows for the scores that need some.
    """
    if not getattr(hypermodel, "zero_cost", False) or keras.backend.backend() != "tensorflow":
        return None

    def score(values: Mapping[str, Any]) -> dict[str, float]:
        hp = keras_tuner.HyperParameters()
        hp.values = dict(values)
        keras.backend.clear_session(free_memory=False)
        try:
            model = hypermodel.build(hp)
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
