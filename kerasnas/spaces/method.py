"""How a network is fitted, as values: by gradient steps, by a solver, or by Keras's own `fit`.

A space says which method a configuration takes; the trial engine carries it out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerasnas.spaces.recipes import Pacing, Recipe


@dataclass(frozen=True, eq=False)
class Training:
    """The model whose variables gradient steps change.

    Attributes:
        model: The network itself, or a compiled model around it with the same variables.
        pacing: Values that change from step to step besides the learning rate.
    """

    model: keras.Model
    pacing: Pacing = field(default_factory=Pacing)


@dataclass(frozen=True, eq=False)
class Solution:
    """A network that a solver has fitted.

    Attributes:
        network: The network.
    """

    network: keras.Model

    @property
    def rounds(self) -> int | None:
        """Iterations of the solver that can be asked for again; `None` where there are none."""
        return None

    @property
    def rate(self) -> float | None:
        """Learning rate that the clock had left; `None` for the one of the hyperparameters."""
        return None

    def answer(self, x: Any) -> np.ndarray | None:
        """Answers to rows where the solver gives them without the network; `None` elsewhere."""
        return None


@dataclass(frozen=True, eq=False)
class Counted(Solution):
    """A solution of which only the number of iterations, and their rate, is known.

    Attributes:
        count: The number.
        at_rate: The learning rate, as in `rate`.
    """

    count: int | None = 0
    at_rate: float | None = None

    @property
    def rounds(self) -> int | None:
        """The number."""
        return self.count

    @property
    def rate(self) -> float | None:
        """The learning rate."""
        return self.at_rate


@dataclass(frozen=True, eq=False)
class Steps:
    """Fits by gradient steps.

    Attributes:
        recipe: Batch size, schedules and patience; `None` trains as the model is compiled.
        training: From the built network to the model that is trained in its place.
    """

    recipe: Recipe | None = None
    training: Callable[[keras.Model], Training] = Training


@dataclass(frozen=True, eq=False)
class Solve:
    """Fits by a solver, without gradient steps.

    Attributes:
        fit: `(view, seed, deadline)` to the solution; `None` where there is no time for it.
        again: `(view, seed, solution)` to a solution on other rows, for as many rounds, without a
            look at validation rows; `None` where the family cannot be fitted again.
        otherwise: Gradient steps on the built network, for where `fit` gives `None`.
        unique: Whether there is one solution, whatever the seed, and no rows are needed to stop by:
            fitted on all rows it is what the mean over folds estimates.
    """

    fit: Callable[[Any, int, Any], Solution | None]
    again: Callable[[Any, int, Solution], Solution | None] | None = None
    otherwise: Steps = field(default_factory=Steps)
    unique: bool = False


@dataclass(frozen=True)
class KerasFit:
    """Fits by the `fit` of the hypermodel, which a user has written."""


Method = Steps | Solve | KerasFit
