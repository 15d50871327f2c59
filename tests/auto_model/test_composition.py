"""The graph that a user composes: what fits together, and the sentences where it does not."""

import keras_tuner
import pytest

import kerasnas as kn
from kerasnas.auto_model.settings import Settings
from kerasnas.errors import SearchSpaceError


@pytest.fixture
def facts():
    return kn.TabularInput(name="facts")


@pytest.fixture
def extra():
    return kn.TensorInput(name="extra")


def test_a_block_refuses_what_it_cannot_take(facts):
    with pytest.raises(SearchSpaceError, match="takes features or array or series, but `facts`"):
        kn.DenseBlock()(facts)


def test_the_advice_names_the_block(facts):
    with pytest.raises(SearchSpaceError, match=r"Call `TabularBlock\(\)` on it first"):
        kn.ClassificationHead()(facts)


def test_a_block_takes_one_node(facts, extra):
    with pytest.raises(SearchSpaceError, match=r"call `Merge\(\)` on a list"):
        kn.DenseBlock()([facts, extra])


@pytest.mark.parametrize("count", [0, 1])
def test_merge_needs_several(extra, count):
    nodes = [kn.DenseBlock()(extra)] * count
    with pytest.raises(SearchSpaceError, match="two nodes or more"):
        kn.Merge()(nodes)


def test_nothing_follows_a_head(extra):
    head = kn.RegressionHead()(kn.DenseBlock()(extra))
    with pytest.raises(SearchSpaceError, match="A head ends the graph"):
        kn.DenseBlock()(head)


def test_all_problems_of_a_graph_are_said_at_once(facts, extra):
    features = kn.DenseBlock()(extra)
    with pytest.raises(SearchSpaceError) as error:
        kn.AutoModel(facts, {"kind": kn.ClassificationHead()(features), "x": features})
    for part in ("output `x`", "`extra` is used but not in", "`facts` leads to no output"):
        assert part in str(error.value)


def test_a_name_may_occur_once(extra):
    one, two = kn.DenseBlock(name="same")(extra), kn.DenseBlock(name="same")(extra)
    with pytest.raises(SearchSpaceError, match="`same` is used more than once"):
        kn.AutoModel(extra, kn.RegressionHead()(kn.Merge()([one, two])))


@pytest.mark.parametrize("name", ["", "a b", "a/b", "1st", "facts.age", None, 3])
def test_names_that_cannot_be_keys(name):
    with pytest.raises(SearchSpaceError, match="`name` must be"):
        kn.TensorInput(name=name)


@pytest.mark.parametrize("quantiles", [(), (0.5, 0.5), (0.9, 0.1), (0.0, 0.5), (0.5, 1.0)])
def test_quantiles_must_rise(quantiles):
    with pytest.raises(SearchSpaceError, match="increasing numbers between 0 and 1"):
        kn.QuantileHead(quantiles)


def test_a_setting_may_be_a_value_a_list_a_range_or_a_function():
    hp = keras_tuner.HyperParameters()
    other = keras_tuner.HyperParameters()
    other.Int("units", 4, 9)
    settings = Settings(
        "block",
        {
            "value": 3,
            "some": [1, 2],
            "range": other.space[0],
            "own": lambda hp: hp.Float("own", 0.5, 0.6),
        },
    ).on(hp)
    assert settings.Int("value", 1, 2) == 3
    assert settings.Choice("some", [7, 8]) == 1
    assert settings.Int("range", 100, 200) == 4
    assert settings.Float("own", 0.0, 0.1) == 0.5
    assert settings.Boolean("open", default=True) is True
    kinds = {p.name: type(p).__name__ for p in hp.space}
    assert kinds == {
        "value": "Fixed",
        "some": "Choice",
        "range": "Int",
        "own": "Float",
        "open": "Boolean",
    }
