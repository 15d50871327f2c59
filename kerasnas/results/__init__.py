"""From finished trials to choices: leaderboard, baselines, best model, refit."""

from kerasnas.results.result import SearchResult

__all__ = ["SearchResult"]
