"""Arguments that cannot be meant are refused before any data are read."""

import numpy as np
import pytest

import kerasnas as kn
from kerasnas.errors import ArtifactError, ObjectiveError, SearchSpaceError


class Unread:
    """Data that must not be looked at."""

    def __getattr__(self, name):
        raise AssertionError(f"`{name}` of the data was asked for")


KINDS = [kn.TabularClassifier, kn.TabularRegressor, kn.ImageClassifier, kn.TextRegressor]
KINDS += [kn.AudioClassifier]


def constraint(name, **bounds):
    return {"constraints": [kn.Constraint(name, **(bounds or {"max": 1.0}))]}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (constraint("parms"), ObjectiveError, "Did you mean 'params'"),
        (constraint("latency"), ObjectiveError, "Did you mean 'latency_ms'"),
        (constraint("val_nothing"), ObjectiveError, "bounds what this search does not have"),
        ({"constraints": ["params"]}, ObjectiveError, r"Constraint\('params', max="),
        ({"constraints": {"parms": 5}}, ObjectiveError, r"Write .*Constraint\('params', max="),
        ({"oracle": "randem"}, SearchSpaceError, "Did you mean 'random'"),
        ({"oracle": 7}, SearchSpaceError, "must be a name or an oracle"),
        ({"oracle": kn.oracles.Random(objective="params")}, ObjectiveError, "The oracle optimises"),
        ({"ensemble": "5 apples"}, SearchSpaceError, "`ensemble`"),
        ({"folds": 1}, SearchSpaceError, "`folds`"),
        ({"intervals": 2}, SearchSpaceError, "`intervals` must be a probability"),
        ({"intervals": 0.9, "refit": True}, SearchSpaceError, "`refit` trains on all"),
        ({"seed": -1}, SearchSpaceError, r"`seed` must be .* received -1\."),
        ({"seed": "a"}, SearchSpaceError, r"received 'a'\."),
        ({"seed": 1.5}, SearchSpaceError, r"received 1\.5\."),
        ({"seed": True}, SearchSpaceError, r"received True\."),
        ({"seed": 10**6000}, SearchSpaceError, "received a value of type int that cannot be shown"),
        ({"directory": "file"}, ArtifactError, "is a file, `directory` must name a folder"),
        ({"directory": "file/inner"}, ArtifactError, "is no folder"),
        ({"directory": "/proc/search"}, ArtifactError, "cannot be written"),
        ({"directory": "a\0"}, ArtifactError, "null character"),
        ({"directory": 7}, ArtifactError, "`directory` must be a string"),
    ],
)
def test_refused_before_data_are_read(kind, given, error, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(error, match=words):
        kind(**given).fit(Unread(), Unread())
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_of_a_recogniser():
    with pytest.raises(ObjectiveError, match="Did you mean 'val_wer'"):
        kn.SpeechRecognizer(**constraint("val_were")).fit(Unread(), Unread())


def test_of_a_forecaster():
    model = kn.TimeSeriesForecaster(horizon=2, target="y", **constraint("val_mse"))
    with pytest.raises(ObjectiveError, match=r"Did you mean 'val_(mase|rmse)'"):
        model.fit(Unread())


def test_of_a_composition():
    table = kn.TabularInput(name="facts")
    z = kn.TabularBlock()(table)
    outputs = {"price": kn.RegressionHead()(z), "kind": kn.ClassificationHead()(z)}
    auto = kn.AutoModel(inputs=[table], outputs=outputs, **constraint("val_price_rmze"))
    with pytest.raises(ObjectiveError, match="Did you mean 'val_price_rmse'"):
        auto.fit(Unread(), Unread())


def test_of_a_search():
    def build(hp):
        raise AssertionError("nothing is to be built")

    data = np.zeros((10, 2)), np.zeros(10)
    with pytest.raises(ObjectiveError, match="Did you mean 'params'"):
        kn.search(build, *data, **constraint("parms"))
    with pytest.raises(ObjectiveError, match=r"Constraint\('params', max="):
        kn.search(build, *data, constraints=["params"])
    with pytest.raises(SearchSpaceError, match="Did you mean 'random'"):
        kn.search(build, *data, oracle="randem")
    with pytest.raises(SearchSpaceError, match="`seed`"):
        kn.search(build, *data, seed=-1)
    with pytest.raises(ArtifactError, match="cannot be written"):
        kn.search(build, *data, directory="/proc/search")


@pytest.mark.parametrize("name", ["params", "epochs", "val_f1", "train_seconds", "val_loss"])
def test_what_a_search_has_may_be_bounded(name, tmp_path):
    clf = kn.TabularClassifier(**constraint(name), directory=tmp_path / "a" / "b", seed=np.int64(3))
    (found,) = clf.check_arguments()
    assert found.name == ("val_log_loss" if name == "val_loss" else name)
    assert not list(tmp_path.iterdir())


def test_a_score_that_the_targets_lack_is_refused_before_training():
    x, y = np.arange(60.0).reshape(30, 2), np.arange(30) - 15.0
    model = kn.TabularRegressor(**constraint("val_rmsle"), budget=kn.Budget(trials=1), verbose=0)
    with pytest.raises(ObjectiveError, match=r"Constraint\('val_rmsle'\)` is not defined for"):
        model.fit(x, y)


def test_a_bound_on_a_loss_of_quantiles_can_be_met():
    x = np.arange(80.0).reshape(40, 2)
    model = kn.TabularRegressor(
        **constraint("val_quantile_loss_90", max=1e9),
        budget=kn.Budget(trials=1),
        space="linear",
        ensemble=False,
        verbose=0,
    )
    assert model.fit(x, x[:, 0]).leaderboard(full=True)["feasible"][0]
