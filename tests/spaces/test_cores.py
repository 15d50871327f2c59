"""How many cores a search plans with."""

import os

import pytest

from kerasnas.spaces import cores


@pytest.mark.parametrize(
    ("cap", "expected"), [("1", 1), ("2,1", 2), ("64", 4), ("", 4), ("0", 4), ("all", 4)]
)
def test_a_cap_on_threads_counts(cap, expected, monkeypatch):
    monkeypatch.setattr(cores.sys, "platform", "other")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", cap)
    assert cores.cores() == expected
