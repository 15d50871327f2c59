"""One bad argument of a forecaster, one sentence."""

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.errors import ObjectiveError, SchemaError, SearchSpaceError

HORIZON = 4
QUICK = {
    "budget": kn.Budget(trials=1, epochs=1),
    "space": ("linear", "dlinear"),
    "oracle": "random",
    "seed": 0,
    "verbose": 0,
}


def monthly():
    time = pd.date_range("2015-01-01", periods=72, freq="MS")
    return pd.DataFrame({"month": time, "sales": 100 + 30 * np.sin(np.arange(72) * np.pi / 6)})


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"horizon": 0}, SchemaError, "`horizon` must be a whole number"),
        ({"horizon": 40}, SchemaError, "Shorten `horizon`"),
        ({"target": "sale"}, SchemaError, "`target` names 'sale'.*`sales`"),
        ({"season": 0}, SchemaError, "`season` must be a whole number"),
        ({"season": 90}, SchemaError, "a season needs 98: one to look back on"),
        ({"objective": "val_mas"}, ObjectiveError, "Did you mean 'val_mase'"),
        ({"space": "arima"}, SearchSpaceError, "arima"),
        ({"quantiles": (0.1, 0.9)}, SearchSpaceError, "0.5, the point forecast"),
        ({"ensemble": "big"}, SearchSpaceError, "`ensemble` must be"),
    ],
)
def test_bad_arguments_are_one_sentence_before_any_training(arguments, error, sentence):
    given = {"horizon": HORIZON, "target": "sales", **QUICK, **arguments}
    with pytest.raises(error, match=sentence):
        kn.TimeSeriesForecaster(**given).fit(monthly())
