"""Every strategy keeps the conformance checks that plugins can run too."""

import pytest

from kerasnas import oracles
from kerasnas.testing import ORACLE_CHECKS

# Oracles are run here as a tuner runs them that cannot pause trials.
pytestmark = pytest.mark.filterwarnings("ignore:.*cannot pause and continue trials")


@pytest.mark.parametrize("check", ORACLE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", oracles.STRATEGIES)
def test_every_strategy(name, check):
    check(oracles.STRATEGIES[name])
