"""Shapley values of a game: how much each player adds, fairly shared out."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

EXACT_PLAYERS = 8  # 256 coalitions; with more players orders are drawn


def shapley_values(
    worth: Callable[[np.ndarray], np.ndarray], players: int, seed: int, orders: int = 16
) -> np.ndarray:
    """What each player adds to the worth of a coalition, as the mean over all orders of joining.

    Up to eight players all coalitions are asked, and the values are exact (Shapley 1953). With more
    players, orders are drawn, each of them and its reverse (Mitchell et al. 2022). The values
    always sum to the worth of all players without that of none.

    Args:
        worth: From coalitions, bool `(coalitions, players)`, to their worths, `(coalitions,)`.
        players: Number of players.
        seed: Seed of the orders.
        orders: Number of orders to draw, each beside its reverse.

    Returns:
        A value for each player, `(players,)`.
    """
    if players <= EXACT_PLAYERS:
        return _exact(worth, players)
    rng = np.random.default_rng(seed)
    drawn = [order for _ in range(orders) for order in _both_ways(rng.permutation(players))]
    # Every order asks for the coalition of its first player, of its first two, and so on.
    masks = np.zeros((len(drawn), players + 1, players), dtype=bool)
    for place, order in enumerate(drawn):
        for size, player in enumerate(order):
            masks[place, size + 1 :, player] = True
    worths = worth(masks.reshape(-1, players)).reshape(len(drawn), players + 1)
    gains = np.diff(worths, axis=1)
    values = np.zeros(players)
    for order, gain in zip(drawn, gains, strict=True):
        values[order] += gain
    return values / len(drawn)


def _exact(worth: Callable[[np.ndarray], np.ndarray], players: int) -> np.ndarray:
    codes = np.arange(2**players)
    masks = (codes[:, None] >> np.arange(players)) & 1 == 1
    worths, sizes = worth(masks), masks.sum(axis=1)
    share = np.array([1 / (players * math.comb(players - 1, s)) for s in range(players)])
    values = np.zeros(players)
    for player in range(players):
        without = codes[~masks[:, player]]
        gains = worths[without + (1 << player)] - worths[without]
        values[player] = share[sizes[without]] @ gains
    return values


def _both_ways(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return order, order[::-1]
