"""Estimators name each argument of their constructor once, and say what it does."""

import inspect
import re

import pytest

from kerasnas.auto_model import AutoModel
from kerasnas.estimators.audio import AudioEstimator
from kerasnas.estimators.estimator import Estimator
from kerasnas.estimators.forecast import TimeSeriesForecaster
from kerasnas.estimators.image import ImageEstimator
from kerasnas.estimators.speech import SpeechRecognizer
from kerasnas.estimators.tabular import TabularEstimator
from kerasnas.estimators.text import TextEstimator

PRESETS = [
    AudioEstimator,
    AutoModel,
    ImageEstimator,
    SpeechRecognizer,
    TabularEstimator,
    TextEstimator,
    TimeSeriesForecaster,
]


@pytest.mark.parametrize("preset", [Estimator, *PRESETS])
def test_every_argument_is_told_of(preset):
    told = inspect.getdoc(preset).split("\nArgs:\n")[1].split("\n\n")[0]
    assert set(re.findall(r"^    (\w+): ", told, re.MULTILINE)) == set(
        inspect.signature(preset).parameters
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_what_all_estimators_take_has_one_default(preset):
    shared = inspect.signature(Estimator).parameters
    other = {
        name
        for name, argument in inspect.signature(preset).parameters.items()
        if name in shared and argument.default != shared[name].default
    }
    assert other <= {"folds"}


def test_what_a_constructor_takes_by_place():
    def by_place(preset):
        arguments = inspect.signature(preset).parameters.values()
        return [a.name for a in arguments if a.kind is a.POSITIONAL_OR_KEYWORD]

    series = ["horizon", "target", "time", "series", "known_future", "static", "season"]
    assert by_place(TimeSeriesForecaster) == series
    assert by_place(AutoModel) == ["inputs", "outputs"]
    assert not by_place(TabularEstimator)
