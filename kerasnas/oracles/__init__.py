"""Strategies of search. Each is a `keras_tuner.Oracle` and works in any `keras_tuner.Tuner`."""

from kerasnas.oracles.auto import Auto
from kerasnas.oracles.context import Context, ZeroCost
from kerasnas.oracles.oracle import Oracle
from kerasnas.oracles.registry import STRATEGIES, create
from kerasnas.oracles.space import ValueSpace
from kerasnas.oracles.strategies import (
    Asha,
    Bayesian,
    Bohb,
    Evolution,
    Grid,
    Hyperband,
    LocalSearch,
    Nsga2,
    Random,
    Reinforce,
)

__all__ = [
    "STRATEGIES",
    "Asha",
    "Auto",
    "Bayesian",
    "Bohb",
    "Context",
    "Evolution",
    "Grid",
    "Hyperband",
    "LocalSearch",
    "Nsga2",
    "Oracle",
    "Random",
    "Reinforce",
    "ValueSpace",
    "ZeroCost",
    "create",
]
