"""Estimators on tables in files: the rows that fit into memory are drawn, all are answered."""

import logging

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.data import csv_files
from kerasnas.errors import BudgetError, SchemaError
from kerasnas.estimators import loaded_tables, streamed_rows
from kerasnas.trial import training

ROWS = 300
QUICK = {"space": "linear", "folds": False, "ensemble": False, "seed": 0, "verbose": 0}


def estimator(kind=kn.TabularClassifier, **settings):
    return kind(**{"budget": kn.Budget(trials=1), **QUICK, **settings})


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 2))
    label = np.where(x[:, 0] + rng.normal(0, 0.5, ROWS) > 0, "yes", "no")
    word = np.where(label == "yes", "good", "bad")
    return pd.DataFrame(
        {
            "a": x[:, 0],
            "code": [f"0{i % 4}" for i in range(ROWS)],
            "note": [f"a {w} thing {i % 9}" for i, w in enumerate(word)],
            "weight": rng.integers(1, 4, ROWS),
            "label": label,
        }
    )


@pytest.fixture(scope="module")
def files(frame, tmp_path_factory):
    """The rows in two CSV files, whose glob it is."""
    folder = tmp_path_factory.mktemp("files")
    frame.iloc[:200].to_csv(folder / "0.csv", index=False)
    frame.iloc[200:].to_csv(folder / "1.csv", index=False)
    return str(folder / "*.csv")


@pytest.fixture
def small_parts(monkeypatch):
    """A part is a few rows."""
    monkeypatch.setattr(csv_files, "_PART", 1500)


@pytest.fixture(scope="module")
def whole(files):
    """Fitted on all rows of the files."""
    return estimator().fit(files, "label", sample_weight="weight")


def test_files_are_fitted_as_the_same_rows_in_memory(whole, frame):
    in_memory = estimator().fit(frame, "label", sample_weight="weight")  # codes keep their zeros
    assert whole.leaderboard()["val_log_loss"].tolist() == pytest.approx(
        in_memory.leaderboard()["val_log_loss"].tolist(), rel=1e-5
    )


def test_files_are_answered_and_scored_part_by_part(whole, files, frame, small_parts):
    rows = frame.drop(columns=["label", "weight"])
    with pytest.warns(UserWarning, match="did not see in fit"):
        assert whole.predict(files).tolist() == whole.predict(rows).tolist()
    with pytest.warns(UserWarning, match="did not see in fit"):
        np.testing.assert_allclose(whole.predict_proba(files), whole.predict_proba(rows), 1e-6)
    assert whole.score(files, "label", "weight") == whole.score(
        rows, frame["label"], frame["weight"]
    )
    found = whole.evaluate(files, "label", sample_weight="weight")
    assert found == pytest.approx(whole.evaluate(rows, frame["label"], frame["weight"]))
    board = whole.leaderboard(files, "label", sample_weight="weight")
    assert np.isclose(board["log_loss"], found["log_loss"]).any()  # a baseline may be better
    with pytest.warns(UserWarning, match="did not see in fit"):
        assert whole.score(files, frame["label"]) == whole.score(rows, frame["label"])
    for y, words in (("lable", "`lable`"), (None, "`y` is missing")):
        with pytest.raises(SchemaError, match=words):
            whole.score(files, y)


def test_of_too_many_rows_a_sample_is_used_and_said(files, monkeypatch, caplog, tmp_path):
    monkeypatch.setattr(loaded_tables, "rows_for", lambda *given: 120)
    kept = {"directory": tmp_path / "search", "memory": "4GB"}
    with caplog.at_level(logging.WARNING, "kerasnas"):
        fitted = estimator(**kept).fit(files, "label")
    assert "120 of the 300 rows" in caplog.text and "Networks train on all rows" in caplog.text
    assert '`memory="8GB"`' in caplog.text and "fit into 4.0 GB." in caplog.text
    rows = fitted.fitted_.origin.rows
    assert len(rows.train) + len(rows.valid) == 120
    # The same line again goes on with the same rows, whatever is free by then.
    monkeypatch.setattr(loaded_tables, "rows_for", lambda *given: 90)
    again = estimator(**kept, budget=kn.Budget(trials=2)).fit(files, "label")
    assert len(again.fitted_.origin.rows.train) == len(rows.train)
    assert again.leaderboard(full=True)["kind"].eq("trial").sum() == 2


@pytest.mark.parametrize("kind", [kn.TabularClassifier, kn.TabularRegressor])
def test_networks_train_on_all_rows_in_turn(kind, files, frame, monkeypatch, small_parts, caplog):
    made, orders = [], []
    encode, order = streamed_rows._encoded, training.order_of_rows

    def encoded(problem, *given):
        made.append((problem.rows, encode(problem, *given)))
        return made[-1][1]

    def ordered(*given):
        orders.append(order(*given))
        return orders[-1]

    monkeypatch.setattr(loaded_tables, "rows_for", lambda *given: 100)
    monkeypatch.setattr(streamed_rows, "_encoded", encoded)
    monkeypatch.setattr(training, "order_of_rows", ordered)
    target = "label" if kind is kn.TabularClassifier else "weight"
    settings = {"budget": kn.Budget(trials=2, epochs=3), "space": ["linear", "mlp"]}
    with caplog.at_level(logging.WARNING, "kerasnas"):
        fitted = estimator(kind, **settings).fit(files, target)
    assert "Networks train on all rows" in caplog.text
    ((rows, (x, y)),) = made
    count = ROWS - len(rows.valid)
    assert len(rows.train) + len(rows.valid) == 100 and x.shape[0] == len(y) == count
    assert x.epoch == len(rows.train)
    if kind is kn.TabularClassifier:
        seen = np.bincount(y) + np.bincount(rows.targets[rows.valid])
        assert seen.tolist() == frame["label"].value_counts().sort_index().tolist()
    # Every row is encoded as it is in memory, and three epochs go through all of them.
    known = fitted.fitted_.reader.read(frame.drop(columns=[target]))["a"]
    scaled = x.read(np.arange(count))[:, 0]
    assert len(np.unique(scaled.round(4))) > 0.9 * count and np.isfinite(known).all()
    assert len(np.unique(np.concatenate(orders))) == count - count % len(rows.train)


def test_weights_keep_networks_to_the_rows_in_memory(files, monkeypatch, caplog):
    monkeypatch.setattr(loaded_tables, "rows_for", lambda *given: 100)
    with caplog.at_level(logging.WARNING, "kerasnas"):
        estimator().fit(files, "label", sample_weight="weight")
    assert "100 of the 300 rows" in caplog.text and "The others are not used" in caplog.text


def test_rows_follow_from_the_room(frame):
    few, more = (loaded_tables.rows_for(frame, room * 2**30) for room in (1, 2))
    assert 0 < few < more
    assert loaded_tables.rows_for(frame, 2**30, loaded_tables.COPIES_OF_TEXT) < few / 5
    wide = pd.concat([frame] * 3, axis=1)
    assert loaded_tables.rows_for(wide, 2**30) == pytest.approx(few / 3, rel=0.01)


def test_rows_to_validate_with_may_be_in_files(files, frame):
    folder = files.removesuffix("*.csv")
    fitted = estimator().fit(f"{folder}0.csv", "label", validation_data=(f"{folder}1.csv", "label"))
    rows = fitted.fitted_.origin.rows
    assert (len(rows.train), len(rows.valid)) == (200, 100)
    alone = estimator().fit(f"{folder}0.csv", "label", validation_data=f"{folder}1.csv")
    assert len(alone.fitted_.origin.rows.valid) == 100


def test_mistakes_are_said_before_any_training(files, frame):
    for given, words in [
        ({"y": frame["label"]}, "`y` is Series, expected the name of a column"),
        ({"y": "label", "sample_weight": np.ones(ROWS)}, "`sample_weight` is ndarray"),
        ({"y": "lable"}, "did you mean `label`"),
    ]:
        with pytest.raises(SchemaError, match=words):
            estimator().fit(files, **given)
    with pytest.raises(SchemaError, match=r"There is no file or folder 'nothing\.csv'"):
        estimator().fit("nothing.csv", "label")
    for memory, words in (("1MB", "`memory` leaves no room for rows"), ("4", "cannot be read")):
        with pytest.raises(BudgetError, match=words):
            estimator(memory=memory).fit(files, "label")


def test_texts_in_files(files, frame, small_parts):
    texts = frame[["note", "label"]]
    folder = files.removesuffix("*.csv")
    texts.to_csv(f"{folder}texts.csv.gz", index=False)
    path = f"{folder}texts.csv.gz"
    clf = estimator(kn.TextClassifier, pretrained=False).fit(path, "label")
    assert clf.predict(path).tolist() == clf.predict(frame["note"].tolist()).tolist()
    assert clf.score(path, "label") > 0.9
