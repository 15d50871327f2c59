"""Numbers: robust scaling, smooth clipping, flags."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas.preprocessing.numeric import NumericColumns, robust_scale, smooth_clip


def apply(columns, values):
    x = keras.Input((values.shape[1],))
    features = columns.build(x)
    model = keras.Model(x, keras.layers.Concatenate()([*features.tensors, x]))
    assert len(features.names) == len(features.owners) == model.output.shape[1] - 1
    return list(np.asarray(model(values)).T[:-1])


def test_scale_is_median_and_interquartile_range():
    values = np.random.default_rng(0).lognormal(size=(101, 3)).astype("float32")
    centre, factor = robust_scale(values)
    low, mid, high = np.quantile(values.astype("float64"), [0.25, 0.5, 0.75], axis=0)
    assert np.allclose(centre, mid)
    assert np.allclose(factor, 1 / (high - low))


def test_scale_leaves_out_what_is_not_finite():
    column = np.array([[1], [2], [3], [np.nan], [np.inf], [-np.inf]], dtype="float32")
    centre, factor = robust_scale(column)
    assert (centre[0], factor[0]) == (2, 1)


def test_rare_values_are_scaled_by_half_the_range():
    column = np.array([0.0] * 50 + [10.0], dtype="float32")[:, None]
    assert robust_scale(column)[1][0] == pytest.approx(0.2)


@pytest.mark.parametrize("value", [0.0, 5.0, 1e30, -3e38, np.nan, np.inf])
def test_constants_have_factor_one(value):
    assert robust_scale(np.full((4, 1), value, dtype="float32"))[1][0] == 1


def test_smooth_clip():
    x = np.array([0, 0.1, -0.1, 1e3, np.inf, -np.inf], dtype="float32")
    y = np.asarray(smooth_clip(x))
    assert y[0] == 0
    assert np.allclose(y[1:3], x[1:3], atol=1e-3)
    assert (np.abs(y) <= 3).all()
    assert np.allclose(y[4:], [3, -3])
    grid = np.linspace(-50, 50, 301, dtype="float32")
    assert (np.diff(np.asarray(smooth_clip(grid))) > 0).all()


finite = st.floats(width=32, allow_nan=True, allow_infinity=True)


@settings(max_examples=25, deadline=None)
@given(st.lists(finite, min_size=1, max_size=6), st.lists(finite, min_size=1, max_size=6))
def test_any_float_gives_a_number(train, new):
    columns = NumericColumns(["x"], np.array(train, dtype="float32")[:, None])
    new = np.array(new, dtype="float32")[:, None]
    scaled, *flags = apply(columns, new)
    assert np.isfinite(scaled).all()
    assert (np.abs(scaled) <= 3).all()
    assert (scaled[np.isnan(new[:, 0])] == 0).all()
    assert len(flags) == np.isnan(train).any()
    if flags:
        assert np.array_equal(flags[0] == 1, np.isnan(new[:, 0]))


def test_the_whole_range_of_float32_keeps_its_order():
    values = np.array([-np.inf, -3e38, -1e38, 0, 1e38, 3e38, np.inf], dtype="float32")[:, None]
    (scaled,) = apply(NumericColumns(["x"], values), values)
    assert np.isfinite(scaled).all()
    assert (np.diff(scaled) > 0).all()


def test_values_missing_only_in_new_rows_are_the_median():
    columns = NumericColumns(["x"], np.array([[1.0], [2.0], [4.0]], dtype="float32"))
    assert columns.flagged.size == 0
    (scaled,) = apply(columns, np.array([[np.nan], [2.0]], dtype="float32"))
    assert scaled.tolist() == [0, 0]
