"""How many of our frames lie between the user's `fit` and the traced training step."""

import sys

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.trial import training
from kerasnas.trial.methods import stacked_step

SEVEN, EIGHT = 7, 8  # the promise: seven frames, eight on folds


def ours() -> list[str]:
    """The functions of the package that are being run, the outermost first."""
    frame, found = sys._getframe(1), []
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("kerasnas."):
            found.append(f"{name.removeprefix('kerasnas.')}:{frame.f_code.co_qualname}")
        frame = frame.f_back
    return found[::-1]


@pytest.fixture
def stacks(monkeypatch):
    """The frames at every call of a traced step."""
    seen = []
    traced = training.Trainer._traced

    def watched(self, *arguments):
        steps = traced(self, *arguments)

        def run(*given):
            seen.append(ours())
            return steps(*given)

        return run

    monkeypatch.setattr(training.Trainer, "_traced", watched)
    return seen


def table(rows=120):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=rows), "b": rng.choice(list("xyz"), rows)})
    return frame, np.where(frame["a"] + (frame["b"] == "x") > 0.3, "yes", "no")


def pictures(rows=60):
    rng = np.random.default_rng(0)
    y = np.arange(rows) % 2
    x = rng.integers(0, 50, (rows, 12, 12, 1)) + 100 * y[:, None, None, None]
    return x.astype("uint8"), y


SETTINGS = {"budget": kn.Budget(trials=1, epochs=1), "seed": 0, "verbose": 0}


def fit_table(folds):
    clf = kn.TabularClassifier(**SETTINGS, space=("mlp",), ensemble=False, folds=folds)
    clf.fit(*table())


def fit_images(folds):
    clf = kn.ImageClassifier(**SETTINGS, space=("conv",), ensemble=False, folds=folds)
    clf.fit(*pictures())


def fit_series(folds):
    steps = np.arange(120)
    frame = pd.DataFrame({"t": steps, "y": np.sin(steps / 3) + steps / 50})
    kn.TimeSeriesForecaster(4, "y", "t", space=("nhits",), ensemble=False, **SETTINGS).fit(frame)


def fit_composed(folds):
    facts = kn.TabularInput(name="facts")
    heads = {"answer": kn.ClassificationHead()(kn.TabularBlock()(facts))}
    kn.AutoModel([facts], heads, **SETTINGS).fit({"facts": table()[0]}, {"answer": table()[1]})


@pytest.mark.parametrize(
    ("fit", "folds", "most"),
    [
        (fit_table, False, SEVEN),
        (fit_images, False, SEVEN),
        (fit_series, False, SEVEN),
        (fit_composed, False, SEVEN),
        (fit_table, 3, EIGHT),
        (fit_images, 3, EIGHT),
    ],
    ids=["table", "image", "series", "composed", "table on folds", "image on folds"],
)
def test_the_way_from_fit_to_the_traced_step_is_short(fit, folds, most, stacks):
    fit(folds)
    longest = max((stack for stack in stacks), key=len)
    print(f"\n{len(longest)} frames: " + " > ".join(longest))
    assert "fit" in longest[0]
    assert len(longest) <= most


def test_folds_in_one_program_are_no_deeper(monkeypatch, stacks):
    """The step of all folds in one program is reached by a way as short."""
    from kerasnas.trial.methods import fold_training
    from kerasnas.trial.methods.stacked import StackedTrainer

    seen = []
    traced = stacked_step.StackedStep._traced

    def watched(self, *arguments):
        steps = traced(self, *arguments)
        return lambda *given: (seen.append(ours()[:-1]), steps(*given))[1]

    monkeypatch.setattr(stacked_step.StackedStep, "_traced", watched)
    monkeypatch.setattr(fold_training, "_worth", lambda *_, xla, **__: not xla)
    monkeypatch.setattr(StackedTrainer, "pace", lambda self: 0.0)
    settings = {**SETTINGS, "budget": kn.Budget(trials=1, seconds=300, epochs=1)}
    clf = kn.TabularClassifier(**settings, space=("mlp",), ensemble=False, folds=3)
    clf.fit(*table())
    assert seen
    print(f"\n{len(seen[0])} frames: " + " > ".join(seen[0]))
    assert len(seen[0]) <= EIGHT
