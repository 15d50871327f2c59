"""From finished trials to choices: leaderboard, baselines, best model, refit."""

from kerasnas.results.result import Scratch, SearchResult

__all__ = ["Scratch", "SearchResult"]
