import keras
import keras_tuner
import numpy as np
import pytest
import scipy.sparse as sparse

from kerasnas.clock import ENDLESS, Deadline
from kerasnas.errors import SearchSpaceError
from kerasnas.preprocessing.texts.forms import Terms
from kerasnas.spaces import text
from kerasnas.spaces.text import FAMILIES, TextHyperModel
from kerasnas.spaces.text_linear import TextLinear
from kerasnas.spaces.text_readers import READERS, TextShape

ROWS, SIZE, STYLE = 120, 40, 3


def terms(rng, rows=ROWS):
    """Rows of weighted terms of which the first few say which class it is."""
    y = rng.integers(0, 3, rows)
    index = np.where(rng.random((rows, 12)) < 0.8, rng.integers(7, SIZE, (rows, 12)), 0)
    index[:, 0] = y + 1
    index.sort(axis=1)
    index[:, 1:][index[:, 1:] == index[:, :-1]] = 0
    weights = np.where(index > 0, 0.3, 0).astype("float32")
    style = rng.normal(size=(rows, STYLE)).astype("float32")
    return {"terms": index.astype("int32"), "weights": weights, "style": style}, y


def hypermodel(**kwargs):
    def shape(form):
        length = 0 if isinstance(form, Terms) else 9
        return TextShape(SIZE, STYLE, columns=2 if length else 1, length=length)

    return TextHyperModel(shape, **{"classes": 3, **kwargs})


def with_values(model, **values):
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    model.build(hp)
    return hp


CASES = [(family, "classes") for family in FAMILIES]
CASES += [(family, kind) for family in ("linear", "average") for kind in ("labels", "value")]


@pytest.mark.parametrize(("family", "kind"), CASES)
def test_every_family_answers_and_reloads(family, kind, tmp_path):
    rng = np.random.default_rng(0)
    made = hypermodel(
        classes=None if kind == "value" else 3, multilabel=kind == "labels", families=(family,)
    )
    x, y = terms(rng)
    if family in READERS:
        x = {"tokens": rng.integers(0, SIZE, (ROWS, 18)).astype("int32"), "style": x["style"]}
    y = {"classes": y, "labels": np.eye(3, dtype="float32")[y], "value": y[:, None] - 1.0}[kind]
    network = made.build(keras_tuner.HyperParameters())
    answers = network(x, training=False).numpy()
    assert np.isfinite(network.compute_loss(x, y, network(x, training=True)))
    assert answers.shape == (ROWS, 1 if kind == "value" else 3)
    if kind == "classes":
        assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)
    plain = keras.Model(network.input, network.outputs[0])
    plain.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    assert np.allclose(again(x, training=False), answers, atol=1e-6)


def test_positions_and_cells_can_be_chosen():
    made = hypermodel(families=("recurrent", "transformer"))
    for values in (
        {"family": "transformer", "attention_positions": "learnt"},
        {"family": "recurrent", "recurrent_cell": "lstm", "recurrent_layers": 2},
    ):
        hp = keras_tuner.HyperParameters()
        hp.values.update(values)
        assert made.build(hp).count_params() > 0


def test_padding_does_not_change_the_answer_of_a_reader():
    for family in READERS:
        shape = TextShape(SIZE, 0, length=12)
        made = TextHyperModel(lambda form, s=shape: s, 3, families=(family,))
        network = made.build(keras_tuner.HyperParameters())
        tokens = np.zeros((2, 12), "int32")
        tokens[:, :4] = [[5, 6, 7, 8]]
        answers = network(tokens, training=False).numpy()
        assert np.allclose(answers[0], answers[1])
        assert np.isfinite(network(np.zeros((1, 12), "int32"), training=False)).all()


def test_the_portfolio_is_in_the_space():
    made = hypermodel()
    for config in made.portfolio:
        hp = keras_tuner.HyperParameters()
        hp.values = dict(config)
        network = made.build(hp)
        assert network.compiled
        for name, value in config.items():
            assert hp.get(name) == value
    assert hypermodel(families=("conv",)).portfolio[0]["family"] == "conv"


def test_unknown_families_are_refused():
    with pytest.raises(SearchSpaceError, match="bert"):
        hypermodel(families=("bert",))
    with pytest.raises(SearchSpaceError, match="linear"):
        text((10,), 2, families=("linear",))


class View:
    def __init__(self, x, y, weights=None):
        self.x, self.y, self.weights = x, y, weights


def test_the_solved_model_answers_as_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    x, y = terms(np.random.default_rng(1))
    weights = np.random.default_rng(2).uniform(0.5, 2, ROWS)
    made = hypermodel(families=("linear",))
    hp = with_values(made, family="linear", linear_strength=2.0, linear_scaling=0.0)
    network = made.solve(hp, View(x, y, weights), seed=0, deadline=Deadline.after(1e6)).network
    matrix = np.zeros((ROWS, SIZE))
    np.add.at(matrix, (np.arange(ROWS)[:, None], x["terms"]), x["weights"])
    both = sparse.csr_matrix(np.hstack([matrix, 0.1 * x["style"]]))
    theirs = LogisticRegression(C=2.0, max_iter=200).fit(both, y, weights)
    assert np.allclose(network(x), theirs.predict_proba(both), atol=2e-3)
    assert (network(x).numpy().argmax(axis=1) == y).mean() > 0.9


@pytest.mark.parametrize("scaling", [0.0, 1.0])
def test_two_classes_values_and_labels_are_solved(scaling):
    x, y = terms(np.random.default_rng(3))
    for classes, multilabel, target in (
        (2, False, (y == 1).astype(int)),
        (None, False, (y[:, None] - 1.0).astype("float32")),
        (3, True, np.eye(3, dtype="float32")[y]),
        (4, False, y),  # a class that no training row has
    ):
        made = hypermodel(classes=classes, multilabel=multilabel, families=("linear",))
        hp = with_values(made, family="linear", linear_scaling=scaling, linear_strength=30.0)
        solution = made.solve(hp, View(x, target), seed=0, deadline=Deadline.after(1e6))
        answers = solution.network(x).numpy()
        if classes is None:
            assert np.corrcoef(answers[:, 0], target[:, 0])[0, 1] > 0.9
        elif multilabel:
            assert ((answers > 0.5) == target).mean() > 0.9
        else:
            assert (answers.argmax(axis=1) == target).mean() > 0.9


def test_there_is_no_solving_without_time():
    made = hypermodel(families=("linear",))
    hp = with_values(made, family="linear")
    x, y = terms(np.random.default_rng(0))
    assert made.solve(hp, View(x, y), seed=0, deadline=Deadline.after(0.0)) is None
    problem = TextLinear(x, y, None, SIZE, 3)
    assert problem.iterations(Deadline.after(0.0)) == 0 < problem.iterations(ENDLESS)


def test_one_class_in_training_rows_is_solved():
    x, _ = terms(np.random.default_rng(0), rows=5)
    problem = TextLinear(x, np.ones(5, int), None, SIZE, 3)
    terms_, style, bias = problem.solve(strength=1.0, scaling=0.5)
    assert not terms_.any()
    assert not style.any()
    assert bias.argmax() == 1
