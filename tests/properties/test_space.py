"""Any space: draws, edits, codes and grids stay in it."""

import contextlib
import json

import keras_tuner
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas.oracles.space import ValueSpace


@st.composite
def hyperparameters(draw):
    """Spaces of any type, with conditions on what came before."""
    hp = keras_tuner.HyperParameters()
    for i in range(draw(st.integers(1, 5))):
        parents = [d for d in ValueSpace(hp).domains if d.kind == "categorical"]
        name = f"h{i}"
        if parents and draw(st.booleans()):
            parent = draw(st.sampled_from(parents))
            values = list(draw(st.permutations(parent.choices)))[:1]
            with contextlib.ExitStack() as scopes:
                for outer, allowed in parent.conditions:
                    scopes.enter_context(hp.conditional_scope(outer, list(allowed)))
                scopes.enter_context(hp.conditional_scope(parent.name, values))
                _add(hp, name, draw)
        else:
            _add(hp, name, draw)
    return hp


def _add(hp, name, draw):
    kind = draw(
        st.sampled_from(["choice", "ordered", "bool", "int", "step", "log", "float", "fixed"])
    )
    low = draw(st.integers(1, 5))
    high = low + draw(st.integers(0, 40))
    sampling = draw(st.sampled_from(["linear", "log", "reverse_log"]))
    if kind == "choice":
        hp.Choice(name, ["a", "b", "c"][: draw(st.integers(1, 3))])
    elif kind == "ordered":
        hp.Choice(name, draw(st.lists(st.integers(0, 99), min_size=1, max_size=5)))
    elif kind == "bool":
        hp.Boolean(name)
    elif kind == "int":
        hp.Int(name, low, high, sampling=sampling)
    elif kind == "step":
        hp.Int(name, low, high, step=draw(st.integers(2, 4)), sampling=sampling)
    elif kind == "log":
        hp.Float(name, low / 10, high / 10, sampling=sampling)
    elif kind == "float":
        hp.Float(name, low / 10, high / 10, step=0.3)
    else:
        hp.Fixed(name, low)


@settings(max_examples=80, deadline=None)
@given(hyperparameters(), st.integers(0, 2**32 - 1))
def test_draws_mutations_and_repairs_are_valid(hp, seed):
    space = ValueSpace(hp)
    rng = np.random.default_rng(seed)
    values = space.random(rng)
    assert space.check(values) == []
    assert set(values) == set(space.complete(values))
    for _ in range(5):
        mutated = space.mutate(values, rng)
        assert space.check(mutated) == [] and set(mutated) == set(space.complete(mutated))
        movable = [d for d in space.active(values) if d.tunable]
        assert (space.key(mutated) != space.key(values)) == bool(movable)
        assert space.repair(mutated, rng) == mutated
        values = mutated
    back = json.loads(json.dumps(values))
    assert space.key(back) == space.key(dict(reversed(values.items())))


@settings(max_examples=80, deadline=None)
@given(hyperparameters(), st.integers(0, 2**32 - 1))
def test_codes_and_places_lead_back(hp, seed):
    space = ValueSpace(hp)
    values = space.random(np.random.default_rng(seed))
    code = space.encode(values)
    assert code.shape == (len(space),)
    assert np.isnan(code).sum() == len(space) - len(space.active(values))
    for domain in space.active(values):
        value = values[domain.name]
        if domain.numeric:
            again = domain.at_unit(domain.unit(value))
            assert again == pytest.approx(value) or domain.kind == "ordered" or domain.kind == "int"
            assert abs(again - value) <= 1 or domain.kind == "ordered"
        if domain.count is not None:
            assert domain.choices[domain.index_of(value)] == value


@settings(max_examples=60, deadline=None)
@given(hyperparameters())
def test_the_grid_is_the_whole_of_a_finite_space(hp):
    space = ValueSpace(hp)
    size = space.size
    if size is None or size > 3000:
        return
    keys = [space.key(values) for values in space.grid(points=10_000)]
    assert len(keys) == len(set(keys)) == size


@settings(max_examples=40, deadline=None)
@given(hyperparameters(), st.integers(0, 2**32 - 1))
def test_neighbours_are_one_edit_away(hp, seed):
    space = ValueSpace(hp)
    rng = np.random.default_rng(seed)
    values = space.random(rng)
    own = {d.key for d in space.active(values)}
    for neighbour in space.neighbours(values, rng):
        assert space.check(neighbour) == []
        stayed = [d for d in space.active(neighbour) if d.key in own]
        assert sum(neighbour[d.name] != values[d.name] for d in stayed) == 1
