"""Every cell of the table of other runtimes in docs/serving.md is what an export comes to."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import keras_tuner
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.artifact.export import RUNTIMES, export
from kerasnas.clock import ENDLESS, Clock
from kerasnas.errors import ArtifactError
from kerasnas.problem.given import Given
from kerasnas.spaces.method import Solve

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
FORMATS = {"SavedModel": "savedmodel", "ONNX": "onnx", "LiteRT": "litert"}
ROWS = 60
RNG = np.random.default_rng(0)


def cells():
    """`(kind, family, format, word)` of the table, whose rows read "kind: `family`, `family`"."""
    table = PAGE.split("| Model | SavedModel |")[1].split("\n\n")[0]
    head, _, *rows = ("| Model | SavedModel |" + table).splitlines()
    columns = [name.strip() for name in head.strip("|").split("|")][1:]
    for row in rows:
        first, *words = [cell.strip() for cell in row.strip("|").split("|")]
        kind = first.split(":")[0]
        for family in re.findall(r"`(\w+)`", first):
            for column, word in zip(columns, words, strict=True):
                yield kind, family, FORMATS[column], word


def numbers():
    return pd.DataFrame({"a": RNG.normal(size=ROWS), "b": RNG.choice([True, False], ROWS)})


def dates():
    days = pd.to_timedelta(RNG.integers(0, 900, ROWS), "D")
    return numbers().assign(when=pd.Timestamp("2024-01-01") + days)


def words():
    note = [" ".join(RNG.choice(["red", "blue", "green", "dark"], 6)) for _ in range(ROWS)]
    return numbers().assign(kind=RNG.choice(["x", "y"], ROWS), note=note)


def photos(free):
    sizes = RNG.integers(20, 28, (ROWS, 2)) if free else np.full((ROWS, 2), 24)
    made = [RNG.integers(0, 255, (h, w, 3)).astype("uint8") for h, w in sizes]
    return made if free else np.stack(made)


def sounds():
    return [RNG.normal(0, 0.1, 1600).astype("float32") for _ in range(ROWS)]


def series():
    time = pd.date_range("2015-01-01", periods=72, freq="MS")
    return pd.DataFrame({"month": time, "sales": 100 + RNG.normal(size=72).cumsum()})


LABEL = np.where(np.arange(ROWS) % 2, "up", "down")
QUIET = {"budget": 600, "seed": 0, "verbose": 0}
OWN = {**QUIET, "pretrained": False}
KINDS = {
    "table of numbers and truth values": (kn.TabularClassifier, numbers, QUIET),
    "table with dates": (kn.TabularClassifier, dates, QUIET),
    "table with categories or texts": (kn.TabularClassifier, words, QUIET),
    "images of one size": (kn.ImageClassifier, lambda: photos(False), OWN),
    "images of any size": (kn.ImageClassifier, lambda: photos(True), OWN),
    "texts": (kn.TextClassifier, lambda: [*words()["note"]], OWN),
    "sounds": (kn.AudioClassifier, sounds, {**OWN, "sample_rate": 8000}),
    "forecasts": (kn.TimeSeriesForecaster, series, {**QUIET, "horizon": 4, "target": "sales"}),
}


@cache
def exported(kind, family):
    """The exported model of a family as it begins, or as it is solved, and rows to try it with."""
    make, data, settings = KINDS[kind]
    y = None if kind == "forecasts" else LABEL
    task = make(space=(family,), **settings)._prepare(Given(data(), y, seed=0), Clock())
    problem, space, hp = task.problem, task.hypermodel, keras_tuner.HyperParameters()
    space.build(hp)  # declares what this family has
    method, view = space.method(hp), problem.view(hp)
    solves = isinstance(method, Solve)
    network = method.fit(view, 0, ENDLESS).network if solves else space.build(hp)
    return view.assemble(network), problem.reader_of(view.assemble(network)).probe()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "family", "format", "word"), [*cells()])
def test_an_export_comes_to_what_the_table_says(kind, family, format, word, tmp_path):
    if any(find_spec(name) is None for name in RUNTIMES[format].packages or ("tf2onnx",)):
        pytest.skip("the extras onnx and litert are not installed")
    model, probe = exported(kind, family)
    path = tmp_path / f"model{RUNTIMES[format].ending}"
    if word == "yes":
        export(model, path, format, probe)
        assert path.exists()
        return
    refused = "no strings to look up" if word == "refused" else "has no operation for"
    with pytest.raises(ArtifactError, match=refused):
        export(model, path, format, probe)
    assert not list(tmp_path.iterdir())
