"""One bad argument or input of an estimator of images, one sentence."""

import numpy as np
import pytest

import kerasnas as kn
from kerasnas.errors import SchemaError, SearchSpaceError

QUICK = {"budget": kn.Budget(trials=1, epochs=1), "seed": 0, "verbose": 0, "space": "conv"}


def test_bad_input_is_refused_before_training():
    x = np.random.default_rng(0).integers(0, 256, (20, 12, 12)).astype("uint8")
    y = np.array(["a", "b"] * 10)
    with pytest.raises(SchemaError, match="`y` is missing"):
        kn.ImageClassifier(**QUICK).fit(x)
    with pytest.raises(SchemaError):
        kn.ImageClassifier(**QUICK).fit(x, y[:-1])
    with pytest.raises(SearchSpaceError, match="'convolution'"):
        kn.ImageClassifier(**{**QUICK, "space": "convolution"}).fit(x, y)
    with pytest.raises(SchemaError, match="reshape"):
        kn.ImageClassifier(**QUICK).fit(x.reshape(20, -1), y)
