"""The value that answers: what a file of an older version holds, what a copy keeps."""

import copy
import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas import artifact, assembly
from kerasnas.data import ClassTarget, Schema, TableReader
from kerasnas.errors import ArtifactError
from kerasnas.preprocessing import fit_preprocessing
from kerasnas.results.conformal import Conformal
from kerasnas.results.decisions import Decisions
from kerasnas.results.fitted import Fitted
from kerasnas.results.traced import TracedModel

# What kerasnas 0.1.0 wrote beside the model; a newer version has to read it.
GOLDEN = json.loads((Path(__file__).parent / "golden" / "tabular_classifier.json").read_text())
FRAME = pd.DataFrame({"age": [30.0, np.nan, 55.5], "city": ["Ulm", "Bonn", "Mars"]})


def graph(member):
    """A model that takes the columns of a member."""
    schema = Schema.from_json(member["reader"]["schema"])
    reader = TableReader(schema)
    raw = reader.read(pd.DataFrame({"age": [20.0, 40, 60, 70], "city": ["Ulm", "Bonn"] * 2}))
    front = fit_preprocessing(raw, schema)
    keras.utils.set_random_seed(0)
    matrix = keras.Input((front.width,))
    network = keras.Model(matrix, keras.layers.Dense(2, activation="softmax")(matrix))
    return assembly.join(front.front, network)


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    """A file as kerasnas 0.1.0 wrote it, and its model."""
    path = tmp_path_factory.mktemp("golden") / "old.keras"
    model = graph(GOLDEN)
    conformal = Conformal(**GOLDEN["decisions"]["conformal"])
    artifact.write(conformal.build(model), path, GOLDEN)
    return path, model


def test_a_file_of_an_older_version_is_the_estimator_that_wrote_it(golden):
    path, model = golden
    clf = kn.load(path)
    assert type(clf) is kn.TabularClassifier
    assert clf.objective == "val_f1"
    assert clf.seed == 0
    assert clf.classes_.tolist() == ["no", "yes"]
    assert clf.feature_names_in_.tolist() == ["age", "city"]
    assert clf.n_features_in_ == 2
    assert clf.fitted_.decisions.threshold == 0.5
    assert clf.leaderboard(full=True)["trial_id"].tolist() == ["majority", "0000"]
    assert clf.best_hyperparameters == {"family": "linear", "linear_penalty": 1.0}
    columns = {"age": FRAME["age"].to_numpy("float32"), "city": FRAME["city"].to_numpy(object)}
    expected = model(artifact.as_inputs(columns, artifact.input_dtypes(model)))
    np.testing.assert_allclose(clf.predict_proba(FRAME), expected, atol=1e-6)
    assert [len(found) for found in clf.predict_set(FRAME)] == [1, 1, 1]


def test_what_it_holds_is_written_again_as_it_was(golden, tmp_path):
    path = tmp_path / "new.keras"
    kn.load(golden[0]).save(path)
    new = artifact.open_file(path).member()
    assert new.keys() == {
        *GOLDEN,
        "objectives",
        "chosen",
        "comparison",
        "examination",
    }  # a newer file says more
    assert new["arguments"].items() >= GOLDEN["arguments"].items()
    for part in ("estimator", "target", "leaderboard", "decisions"):
        assert new[part] == GOLDEN[part]
    assert new["reader"]["schema"] == GOLDEN["reader"]["schema"]


def test_a_file_without_decisions_answers_with_the_more_probable_class(golden, tmp_path):
    path = tmp_path / "older.keras"
    artifact.write(golden[1], path, {k: v for k, v in GOLDEN.items() if k != "decisions"})
    clf = kn.load(path)
    assert clf.fitted_.decisions == Decisions()
    assert clf.predict(FRAME).tolist() == [
        clf.classes_[i] for i in clf.predict_proba(FRAME).argmax(axis=1)
    ]


@pytest.mark.parametrize("part", ["reader", "target", "leaderboard"])
def test_a_file_that_lacks_a_part_is_refused(golden, tmp_path, part):
    path = tmp_path / "damaged.keras"
    artifact.write(golden[1], path, {k: v for k, v in GOLDEN.items() if k != part})
    with pytest.raises(ArtifactError, match=f"not usable.*{part}"):
        Fitted.load(path, TableReader, (ClassTarget,))


def test_a_copied_estimator_answers_alike(golden):
    clf = kn.load(golden[0])
    again = copy.deepcopy(clf)  # through the bytes of its file, as pickling does
    np.testing.assert_array_equal(again.predict_proba(FRAME), clf.predict_proba(FRAME))
    assert again.get_params() == clf.get_params()
    assert again.leaderboard(full=True).equals(clf.leaderboard(full=True))


def test_a_loaded_estimator_says_that_it_has_no_search(golden):
    clf = kn.load(golden[0])
    assert not hasattr(clf, "result_")
    with pytest.raises(AttributeError, match="the search is not in the file"):
        clf.result_  # noqa: B018


def test_a_new_model_is_not_taken_for_the_retracing_of_another(caplog):
    rows = np.ones((2, 3), "float32")
    for _ in range(8):
        inputs = keras.Input((3,))
        model = keras.Model(inputs, {"a": keras.layers.Dense(2)(inputs), "b": inputs * 2})
        answers = TracedModel(model)(rows)
        np.testing.assert_allclose(answers["a"], model(rows)["a"], atol=1e-6)
        assert answers["b"].tolist() == (2 * rows).tolist()
    assert "retracing" not in caplog.text


def test_columns_of_several_dtypes_are_answered_as_the_model_answers_them():
    columns = {
        name: keras.Input((1,), dtype=dtype, name=name)
        for name, dtype in {"a": "float32", "n": "int64", "s": "string", "b": "float32"}.items()
    }
    length = keras.layers.StringLookup(vocabulary=["x"], name="found")(columns["s"])
    parts = [keras.ops.cast(t, "float32") for t in (columns["a"], columns["n"], length)]
    whole = keras.ops.concatenate([*parts, columns["b"]], axis=1)
    model = keras.Model(columns, {"all": whole, "n": columns["n"] + 1})
    rows = {"a": [0.1, 2.5], "n": [2**60 + 1, -(2**63)], "s": ["x", "é"], "b": [[1e30], [np.nan]]}
    rows = {name: np.array(values) for name, values in rows.items()}
    answers = TracedModel(model)(rows)
    expected = model(artifact.as_inputs(rows, artifact.input_dtypes(model)))
    np.testing.assert_array_equal(answers["all"], expected["all"])
    assert answers["n"].ravel().tolist() == [2**60 + 2, -(2**63) + 1]


def test_an_estimator_without_a_fit_has_nothing():
    clf = kn.TabularClassifier()
    for name in ("fitted_", "model_", "classes_", "result_", "schema_", "n_features_in_"):
        assert not hasattr(clf, name)


def test_lists_and_dicts_of_plain_arguments_come_back(golden, tmp_path):
    clf = kn.load(golden[0]).set_params(
        space=("linear", "mlp"), column_kinds={"age": "numeric"}, oracle=kn.oracles.Random()
    )
    clf.save(tmp_path / "plain.keras")
    again = kn.load(tmp_path / "plain.keras")
    assert again.space == ["linear", "mlp"]
    assert again.column_kinds == {"age": "numeric"}
    assert again.oracle == "auto"
