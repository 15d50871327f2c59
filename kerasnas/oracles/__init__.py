"""Strategies of search. Each is a `keras_tuner.Oracle` and works in any `keras_tuner.Tuner`."""

from kerasnas.oracles.oracle import Oracle
from kerasnas.oracles.registry import (
    STRATEGIES,
    Auto,
    Bayesian,
    Evolution,
    Grid,
    LocalSearch,
    Nsga2,
    Random,
    Reinforce,
    create,
)
from kerasnas.oracles.space import Space

__all__ = [
    "STRATEGIES",
    "Auto",
    "Bayesian",
    "Evolution",
    "Grid",
    "LocalSearch",
    "Nsga2",
    "Oracle",
    "Random",
    "Reinforce",
    "Space",
    "create",
]
