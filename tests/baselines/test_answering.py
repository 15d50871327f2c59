"""A fitted baseline answers raw rows as it answered the validation rows, on every modality."""

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.baselines import fit
from kerasnas.clock import Clock
from kerasnas.preprocessing import series as windows
from kerasnas.problem.given import Given
from kerasnas.results.fitted import Fitted
from kerasnas.results.traced import AnsweringBaseline

pytestmark = pytest.mark.filterwarnings("ignore:`big` holds numbers", "ignore:Input `facts`")

ROWS = 120
RNG = np.random.default_rng(0)
BIG = 1.7e9 + RNG.normal(size=ROWS)  # float32 keeps no digit of what tells these apart


def table():
    frame = pd.DataFrame({"a": RNG.normal(size=ROWS), "kind": RNG.choice(["x", "y", "z"], ROWS)})
    frame["when"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 900, ROWS), "D")
    frame["note"] = [" ".join(RNG.choice(["red", "blue", "green", "dark"], 6)) for _ in frame["a"]]
    frame.loc[::9, "a"] = np.nan
    frame["big"] = BIG
    return frame


def sounds():
    time, high = np.arange(1600) / 8000, np.arange(ROWS) % 2 == 1
    waves = [np.sin(2 * np.pi * (900 if one else 300) * time) for one in high]
    return [w.astype("float32") + 0.3 * RNG.normal(size=1600).astype("float32") for w in waves]


FRAME = table()
LABEL = np.where(np.nan_to_num(FRAME["a"]) + (BIG - BIG.mean()) > 0, "up", "down")
NUMBER = 3.0 * np.nan_to_num(FRAME["a"]) + BIG
PICTURES = RNG.integers(0, 255, (ROWS, 24, 20, 3)).astype("uint8")
PICTURES[::2] //= 2
SOUNDS, LOUD = sounds(), np.arange(ROWS) % 2
QUIET = {"verbose": 0, "budget": 600, "seed": 0}


def composed():
    facts, photo, text = kn.TabularInput("facts"), kn.ImageInput("photo"), kn.TextInput("text")
    heard, extra = kn.AudioInput("heard", sample_rate=8000), kn.TensorInput("extra")
    blocks = [
        kn.TabularBlock()(facts),
        kn.ImageBlock(pretrained=False)(photo),
        kn.TextBlock(pretrained=False)(text),
        kn.AudioBlock(pretrained=False)(heard),
        kn.DenseBlock()(extra),
    ]
    z = kn.Merge()(blocks)
    heads = {"price": kn.RegressionHead()(z), "kind": kn.ClassificationHead()(z)}
    return kn.AutoModel([facts, photo, text, heard, extra], heads, **QUIET)


EVERYTHING = {
    "facts": FRAME,
    "photo": PICTURES,
    "text": FRAME["note"],
    "heard": SOUNDS,
    "extra": RNG.normal(size=(ROWS, 2)),
}
CASES = {
    "table": (lambda: kn.TabularClassifier(folds=False, **QUIET), FRAME, LABEL),
    "numbers": (lambda: kn.TabularRegressor(folds=False, **QUIET), FRAME, NUMBER),
    "images": (lambda: kn.ImageClassifier(pretrained=False, **QUIET), PICTURES, LABEL),
    "sounds": (
        lambda: kn.AudioClassifier(sample_rate=8000, pretrained=False, **QUIET),
        SOUNDS,
        LOUD,
    ),
    "texts": (lambda: kn.TextClassifier(pretrained=False, **QUIET), [*FRAME["note"]], LABEL),
    "values": (lambda: kn.TextRegressor(pretrained=False, **QUIET), FRAME[["note"]], NUMBER),
    "composed": (composed, EVERYTHING, {"price": NUMBER, "kind": LABEL}),
}


def prepared(estimator, x, y=None):
    given = Given(x, y, seed=0, count_folds=estimator._folds(kn.Budget(600), None))
    task = estimator._prepare(given, Clock())
    return task, task.baselines(task.problem.scorer(), Clock(), 0)


def answering(task, found, name):
    reader = found.reader or task.problem.reader
    return Fitted("it", AnsweringBaseline(found.models[name]), reader, task.problem.target)


@pytest.mark.parametrize("name", CASES)
def test_it_answers_the_validation_rows_as_it_was_scored_on_them(name):
    make, x, y = CASES[name]
    task, found = prepared(make(), x, y)
    scored = [row["trial_id"] for row in found.rows if not row["failure"]]
    assert len(scored) > 1 and list(found.models) == scored
    valid = task.problem.rows.valid
    for baseline, expected in found.answers.items():
        answers = answering(task, found, baseline).answer(x)
        parts = answers.values() if isinstance(answers, dict) else [answers]
        seen = np.concatenate([one[valid] for one in parts], axis=1)
        np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-4)


def test_on_folds_the_models_of_all_parts_answer_together():
    estimator = kn.TabularClassifier(folds=3, **QUIET)
    task, found = prepared(estimator, FRAME, LABEL)
    assert {"linear", "random_forest"} <= set(found.models)
    truth = task.problem.rows.targets
    for name in ("linear", "random_forest"):
        answers = answering(task, found, name).answer(FRAME)
        assert answers.shape == (ROWS, 2) and np.allclose(answers.sum(axis=1), 1)
        assert (answers.argmax(axis=1) == truth).mean() > 0.8


@pytest.mark.parametrize("ahead", [(), ("promo",)])
def test_rules_and_a_linear_map_forecast_as_they_were_scored(ahead):
    time = pd.date_range("2015-01-01", periods=72, freq="MS")
    parts = []
    for shop, level in (("north", 100.0), ("south", 900.0)):
        wave = level * (1 + 0.3 * np.sin(2 * np.pi * np.arange(72) / 12))
        sales = wave + RNG.normal(0, 0.02 * level, 72)
        parts.append(pd.DataFrame({"month": time, "sales": sales, "shop": shop}))
    frame = pd.concat(parts, ignore_index=True).assign(promo=RNG.integers(0, 2, 144))
    frame = frame if ahead else frame.drop(columns="promo")
    estimator = kn.TimeSeriesForecaster(
        4, "sales", time="month", series="shop", known_future=ahead, **QUIET
    )
    task, found = prepared(estimator, frame)
    problem, scorer = task.problem, task.problem.scorer()
    for row in found.rows:
        fitted = answering(task, found, row["trial_id"])
        reader = fitted.reader
        inputs = windows.inputs(
            problem.raw, problem.rows.valid, reader.lookback, 4, reader.schema, dtype="float64"
        )
        answers = fitted.outputs(reader.marked(inputs, problem.raw, problem.rows.valid.series))
        scores = scorer.validation(answers[..., 1:])
        assert scores["val_wql"] == pytest.approx(row["val_wql"], rel=1e-4)
        assert scores["val_mase"] == pytest.approx(row["val_mase"], rel=1e-4)


def test_a_baseline_that_takes_much_memory_is_not_kept(monkeypatch):
    monkeypatch.setattr(fit, "MOST_BYTES", 20_000)
    _, found = prepared(kn.TabularClassifier(folds=3, **QUIET), FRAME, LABEL)
    assert {"majority", "linear"} <= set(found.models)
    assert "random_forest" in found.answers and "random_forest" not in found.models
