"""Every strategy keeps the conformance checks that plugins can run too."""

from functools import partial

import pytest

from kerasnas import oracles
from kerasnas.testing import ORACLE_CHECKS


@pytest.mark.parametrize("check", ORACLE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", oracles.STRATEGIES)
def test_every_strategy(name, check):
    make = partial(oracles.STRATEGIES[name])
    make.deterministic = name == "grid"
    check(make)
