"""What is known of a configuration before any training: constraints on it cost no trial."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras

from kerasnas import artifact
from kerasnas.clock import Margin, amount
from kerasnas.objectives import Constraint, violation
from kerasnas.oracles import Context
from kerasnas.spaces.space import Space
from kerasnas.trial import measure
from kerasnas.trial.job import Job
from kerasnas.trial.seeding import seeded
from kerasnas.trial.session import forget_layers

log = logging.getLogger("kerasnas")


def screened(context: Context, oracle: Any, space: Space, job: Job) -> Context:
    """Adds a screen to the context of an oracle where constraints can be told without training."""
    free = [c for c in oracle.constraints or context.constraints if c.free]
    return replace(context, accept=Screen(oracle, space, job, free)) if free else context


class Screen:
    """Builds the network of a configuration, untrained, and measures what constraints ask for.

    What is cheap is measured first; once it breaks a constraint the rest is left out. A network
    that cannot be built, or has no size before it is called, passes: its trial will tell.

    Args:
        oracle: Whose configurations.
        space: Builds the network.
        job: The data, for latency and size, and the clock.
        constraints: The constraints that can be told without training.
    """

    def __init__(
        self, oracle: Any, space: Space, job: Job, constraints: Sequence[Constraint]
    ) -> None:
        self._oracle = oracle
        self._space = space
        self._job = job
        self.constraints = constraints

    def __call__(self, values: Mapping[str, Any]) -> bool | Mapping[str, float] | None:
        """The measures of these values, `True` where nothing is known, `None` out of time."""
        left = self._job.deadline.left
        overtime = 0.0 if self._oracle.history.finished else amount(Margin.OVERTIME_SECONDS)
        if left <= -overtime:
            return None
        hp = self._oracle.hyperparameters.copy()
        hp.values = dict(values)
        forget_layers()
        try:
            with seeded(self._job.seed, len(self._oracle.history)):
                model = self._space.build(hp)
                return self._measured(hp, model) if isinstance(model, keras.Model) else True
        except Exception as error:
            log.debug("The network of %s cannot be measured untrained: %s", values, error)
            return True

    def _measured(self, hp: Any, model: keras.Model) -> bool | Mapping[str, float]:
        if not model.built:
            return True
        names = {c.name for c in self.constraints}
        front = self._space.front_sizes(hp)
        known = measure.sizes(model, None, front)
        known = {k: v for k, v in known.items() if k in names}
        if front and "latency_ms" in names and not self._broken(known):
            # A large front has to look at all rows before there is a view.
            known["latency_ms"] = self._job.front_latency(hp)
        if self._broken(known) or not names & {"latency_ms", "size_bytes"}:
            return known
        view = self._job.view(hp)
        if "size_bytes" in names:
            known["size_bytes"] = float(artifact.size_of(view.assemble(model)))
        if "latency_ms" in names and view.example is not None and not self._broken(known):
            timed = measure.latency(model, view.example)
            known["latency_ms"] = timed["latency_ms"] + view.extra_latency()
        return known

    def _broken(self, known: Mapping[str, float]) -> bool:
        return violation([c for c in self.constraints if c.name in known], known) > 0
