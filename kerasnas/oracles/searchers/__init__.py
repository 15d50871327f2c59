"""Searchers: pure functions from a history to the next values. One idea a file."""

from kerasnas.oracles.searchers.protocol import Searcher, seen_keys
from kerasnas.oracles.searchers.random import RandomSearcher
from kerasnas.oracles.searchers.tpe import TpeSearcher

__all__ = ["RandomSearcher", "Searcher", "TpeSearcher", "seen_keys"]
