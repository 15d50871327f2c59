"""What trees see: numbers as they are, codes, calendar parts, NaN for what is missing."""

import keras
import numpy as np
import pandas as pd
import pytest

from kerasnas.data import infer_schema, ingest
from kerasnas.preprocessing import fit_tree_preprocessing


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    rows = 120
    frame = pd.DataFrame(
        {
            "size": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
            "colour": rng.choice(["red", "green", "blue"], rows, p=[0.6, 0.3, 0.1]),
            "start": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, rows), "D"),
            "note": rng.choice(["a good day for a walk", "rain and a bad day again"], rows),
        }
    )
    frame["end"] = frame["start"] + pd.to_timedelta(rng.integers(1, 90, rows), "D")
    frame.loc[3, "colour"] = None
    frame.loc[5, "end"] = pd.NaT
    kinds = {"note": "text", "colour": "categorical"}
    schema = infer_schema(frame, kinds)
    raw = ingest(frame, schema)
    return frame, schema, raw, fit_tree_preprocessing(raw, schema)


def column(front, matrix, name):
    return matrix[:, front.names.index(name)]


def test_numbers_pass_and_infinities_become_large(fitted):
    _, _, raw, front = fitted
    changed = {**raw, "size": raw["size"].copy()}
    changed["size"][:2] = [np.inf, -np.inf]
    sizes = column(front, front.transform(changed), "size")
    assert sizes[0] > 1e38 and sizes[1] < -1e38 and np.isfinite(sizes[:2]).all()
    np.testing.assert_array_equal(sizes[2:], raw["size"][2:])


def test_categories_become_codes_by_frequency_and_nan(fitted):
    frame, _, raw, front = fitted
    codes = column(front, front.transform(raw), "colour")
    assert front.embedded == {"colour": 3}
    by_colour = {c: set(codes[frame["colour"] == c]) for c in ("red", "green", "blue")}
    assert by_colour == {"red": {0.0}, "green": {1.0}, "blue": {2.0}}
    assert np.isnan(codes[3])
    unseen = {**raw, "colour": np.full(len(frame), "mauve", dtype=object)}
    assert np.isnan(column(front, front.transform(unseen), "colour")).all()


def test_days_between_dates_are_exact(fitted):
    frame, _, raw, front = fitted
    matrix = front.transform(raw)
    days = column(front, matrix, "start minus end in days")
    expected = (frame["start"] - frame["end"]).dt.days.to_numpy(dtype="float32")
    np.testing.assert_array_equal(days, expected)
    weekday = column(front, matrix, "start day of week")
    np.testing.assert_array_equal(weekday, frame["start"].dt.day_of_week)
    assert np.isnan(column(front, matrix, "end in days")[5])


def test_the_graph_survives_its_file(fitted, tmp_path):
    _, _, raw, front = fitted
    front.model.save(tmp_path / "front.keras")
    again = keras.models.load_model(tmp_path / "front.keras")
    np.testing.assert_array_equal(again(front.tensors(raw)), front.transform(raw))
