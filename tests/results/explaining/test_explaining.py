"""What an answer rests on, asked of models whose truth is known."""

import itertools
import math

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import partial_dependence

import kerasnas as kn
from kerasnas.data import fit_class_target
from kerasnas.data.images import ImageReader
from kerasnas.data.texts import TextReader
from kerasnas.errors import AbsentError, SchemaError
from kerasnas.results.explaining import explained
from kerasnas.results.explaining.of_images import patch_values
from kerasnas.results.explaining.of_tables import column_values
from kerasnas.results.explaining.of_texts import word_values
from kerasnas.results.explaining.shapley import EXACT_PLAYERS, shapley_values
from kerasnas.results.fitted import Fitted
from kerasnas.results.traced import TracedModel


def by_definition(worth, players):
    """The mean gain of each player over all orders."""
    values = np.zeros(players)
    for order in itertools.permutations(range(players)):
        masks = np.array([[p in order[:n] for p in range(players)] for n in range(players + 1)])
        values[list(order)] += np.diff(worth(masks))
    return values / math.factorial(players)


def test_few_players_have_the_values_of_the_definition():
    worths = np.random.default_rng(0).normal(size=2**4)
    worth = lambda masks: worths[masks @ (1 << np.arange(4))]  # noqa: E731
    np.testing.assert_allclose(shapley_values(worth, 4, seed=0), by_definition(worth, 4))


def test_many_players_share_out_all_that_there_is():
    rng = np.random.default_rng(0)
    count = EXACT_PLAYERS + 4
    weights, pairs = rng.normal(size=count), rng.normal(size=(count, count))

    def worth(masks):
        return masks @ weights + np.einsum("ci,ij,cj->c", masks, pairs, masks)

    values = shapley_values(worth, count, seed=0)
    ends = worth(np.array([[False] * count, [True] * count]))
    np.testing.assert_allclose(values.sum(), ends[1] - ends[0])
    # Orders and their reverses are exact for a game of pairs.
    truth = weights + np.diag(pairs) + 0.5 * (pairs + pairs.T - 2 * np.diag(np.diag(pairs))).sum(1)
    np.testing.assert_allclose(values, truth)


def test_values_of_columns_are_those_of_a_known_sum():
    background = {
        "a": np.array([1.0, 3.0]),
        "place": np.array(["north", "south"], dtype=object),
        "rest": np.array([7.0, 8.0]),
    }
    row = {
        "a": np.array([5.0]),
        "place": np.array(["north"], dtype=object),
        "rest": np.array([9.0]),
    }
    answer = lambda raw: 3 * raw["a"] + 10 * (raw["place"] == "north")  # noqa: E731
    values, base = column_values(answer, row, background, seed=0)
    assert values == pytest.approx({"a": 9.0, "place": 5.0, "rest": 0.0})
    assert base == pytest.approx(11.0)


def test_values_of_words_are_those_of_a_known_count():
    answer = lambda texts: np.array([float(text.count("good")) for text in texts])  # noqa: E731
    found = word_values(answer, "a good, good film 好")
    assert [(w, v) for w, _, v in found] == [
        ("a", 0.0), ("good", 1.0), (",", 0.0), ("good", 1.0), ("film", 0.0), ("好", 0.0)
    ]  # fmt: skip
    assert [start for _, start, _ in found] == [0, 2, 6, 8, 13, 18]
    assert word_values(answer, "   ") == []


def test_values_of_patches_lie_where_the_answer_looks():
    image = np.zeros((16, 16, 3))
    image[4:8, 8:12] = 1.0
    found = patch_values(lambda images: images[:, 4:8, 8:12].mean(axis=(1, 2, 3)), image, patches=4)
    assert found.shape == (16, 16)
    assert found[4:8, 8:12].min() > 0.3
    assert found[:, :6].max() == 0.0 and found[10:].max() == 0.0


def fitted(model, reader):
    target = fit_class_target(np.array(["no", "yes"]))
    return Fitted(kind="Model", traced=TracedModel(model), reader=reader, target=target)


def test_an_image_is_explained_by_the_patch_that_its_model_looks_at():
    pixels = keras.Input((8, 8), dtype="uint8")
    corner = keras.ops.mean(keras.ops.cast(pixels[:, :4, :4], "float32"), axis=(1, 2)) / 255
    answer = keras.ops.stack([1 - corner, corner], axis=1)
    reader = ImageReader(8, 8, 1, "none", "uint8", 0.0, 255.0, (8, 8), whole=True)
    image = np.zeros((8, 8), dtype="uint8")
    image[:4, :4] = 255
    (found,) = explained(fitted(keras.Model(pixels, answer), reader), [image])
    assert found[:4, :4].min() > 0 and found[4:, 4:].max() == 0
    (other,) = explained(fitted(keras.Model(pixels, answer), reader), [image], label="no")
    np.testing.assert_allclose(other, -found, atol=1e-6)


def test_a_text_is_explained_by_the_word_that_its_model_counts():
    texts = keras.Input((1,), dtype="string")
    counts = keras.layers.TextVectorization(
        vocabulary=["good"], output_mode="count", standardize="lower"
    )(texts)
    answer = keras.layers.Dense(2, activation="softmax", use_bias=False)
    model = keras.Model(texts, answer(keras.ops.cast(counts, "float32")))
    answer.set_weights([np.array([[0.0, 0.0], [-1.0, 1.0]])])
    reader = TextReader(("text",), named=False, longest=100, samples={"text": ("a",)})
    found = explained(fitted(model, reader), ["a good film"])
    assert found.attrs["labels"] == ["yes"]
    best = found.sort_values("contribution").iloc[-1]
    assert best["word"] == "good" and best["contribution"] > 0.3
    assert found.set_index("word")["contribution"].drop("good").abs().max() < 1e-6


@pytest.fixture(scope="module")
def regressor():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.normal(size=80), "b": rng.normal(size=80), "place": ["x", "y"] * 40}
    )
    target = 5 * frame["a"] + (frame["place"] == "x")
    quick = {"budget": kn.Budget(trials=1), "space": "linear", "folds": False, "seed": 0}
    return kn.TabularRegressor(**quick, verbose=0).fit(frame, target), frame


def test_contributions_lead_from_the_base_to_the_answer(regressor):
    model, frame = regressor
    found = model.explain(frame[:3])
    sums = found.groupby("row")["contribution"].sum() + found.attrs["base"]
    np.testing.assert_allclose(sums, model.predict(frame[:3]), rtol=1e-4, atol=1e-3)
    far = frame["a"].abs().idxmax()
    assert model.explain(frame.loc[[far]]).iloc[0]["feature"] == "a"


def test_what_cannot_be_explained_says_so(regressor):
    model, frame = regressor
    with pytest.raises(SchemaError, match="at most 100"):
        model.explain(pd.concat([frame] * 2))
    with pytest.raises(SchemaError, match="`label` is 3, expected one of"):
        model.explain(frame[:1], label=3)
    series = kn.TimeSeriesForecaster(2, "a")
    series.fitted_ = Fitted("TimeSeriesForecaster", None, None, None)
    with pytest.raises(AbsentError, match="tables, texts and images"):
        series.explain(frame)


def test_a_loaded_model_asks_for_rows_that_stand_for_others(regressor, tmp_path):
    model, frame = regressor
    model.save(tmp_path / "model.keras")
    again = kn.load(tmp_path / "model.keras")
    with pytest.raises(SchemaError, match="background=X_train"):
        again.explain(frame[:1])
    found = again.explain(frame[:1], background=frame)
    assert set(found["feature"]) == {"a", "b", "place"}


@pytest.mark.parametrize("kind", ["average", "individual"])
def test_partial_dependence_of_scikit_learn_works(regressor, kind):
    model, frame = regressor
    found = partial_dependence(model, frame[:20], ["a"], kind=kind, grid_resolution=5)
    curves = found[kind].reshape(-1, 5)
    slopes = np.diff(curves, axis=1) / np.diff(found["grid_values"][0])
    np.testing.assert_allclose(slopes, 5, rtol=0.2)


def test_partial_dependence_of_a_category_and_a_class():
    frame = pd.DataFrame({"size": np.linspace(-1, 1, 60), "place": ["x", "y", "z"] * 20})
    labels = np.where(frame["place"] == "x", "yes", "no")
    quick = {"budget": kn.Budget(trials=1), "space": "linear", "folds": False, "seed": 0}
    clf = kn.TabularClassifier(**quick, verbose=0).fit(frame, labels)
    found = partial_dependence(clf, frame, ["place"], categorical_features=["place"])
    chances = dict(zip(found["grid_values"][0], found["average"][0], strict=True))
    assert chances["x"] > 0.8 and chances["y"] < 0.2 and chances["z"] < 0.2
