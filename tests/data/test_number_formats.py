"""How the numbers of a whole column are written, settled by a sample where the rest is plain."""

import numpy as np
import pytest

from kerasnas.data import number_formats
from kerasnas.data.number_formats import settle_style

AMOUNTS = [f"{value:,.2f}" for value in np.random.default_rng(0).normal(10_000, 2_000, 1_500)]
POINTS = [f"{n}.{n % 900 + 100}" for n in range(1, 900)]


@pytest.mark.parametrize(
    "column",
    [
        AMOUNTS,
        [f"{text} EUR" for text in AMOUNTS],
        [f"{text} EUR" for text in POINTS],
        [text.replace(",", " ").replace(".", ",") for text in AMOUNTS],
        [f"{text}%" for text in POINTS],
        POINTS,
        # What stands outside the sample, every fifth text or so, decides as well.
        [*AMOUNTS[:1], "(1,234.00)", *AMOUNTS[1:]],
        [*AMOUNTS[:1], "1.234,00", *AMOUNTS[1:]],
        [*AMOUNTS[:1], "<5.00", *AMOUNTS[1:]],
        [*AMOUNTS[:1], "5.00 kg", *AMOUNTS[1:]],
        [*POINTS[:1], "12,5", *POINTS[1:]],
        [*POINTS[:1], "1.234.567", *POINTS[1:]],
    ],
    ids=lambda column: column[1],
)
def test_a_sample_settles_what_all_texts_settle(column, monkeypatch):
    short = settle_style(column)
    monkeypatch.setattr(number_formats, "_settled_by_sample", lambda *_: None)
    whole = settle_style(column)
    assert (short.style, short.units, short.bare) == (whole.style, whole.units, whole.bare)
    assert (short.note, short.bad.tolist()) == (whole.note, whole.bad.tolist())
