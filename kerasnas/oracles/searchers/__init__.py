"""Searchers: pure functions from a history to the next values. One idea a file."""

from kerasnas.oracles.searchers.bayesian import BayesianSearcher
from kerasnas.oracles.searchers.evolution import EvolutionSearcher
from kerasnas.oracles.searchers.gp import GpSearcher
from kerasnas.oracles.searchers.grid import GridSearcher
from kerasnas.oracles.searchers.local import LocalSearcher
from kerasnas.oracles.searchers.mixed import MixedSearcher
from kerasnas.oracles.searchers.nsga2 import Nsga2Searcher
from kerasnas.oracles.searchers.protocol import Searcher, seen_keys
from kerasnas.oracles.searchers.random import RandomSearcher
from kerasnas.oracles.searchers.reinforce import ReinforceSearcher
from kerasnas.oracles.searchers.tpe import TpeSearcher

__all__ = [
    "BayesianSearcher",
    "EvolutionSearcher",
    "GpSearcher",
    "GridSearcher",
    "LocalSearcher",
    "MixedSearcher",
    "Nsga2Searcher",
    "RandomSearcher",
    "ReinforceSearcher",
    "Searcher",
    "TpeSearcher",
    "seen_keys",
]
