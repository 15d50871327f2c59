"""How the numbers of a whole column are written, settled by a sample where the rest is plain."""

import numpy as np
import pytest

from kerasnas.data import number_formats
from kerasnas.data.number_formats import Style, read_numbers, settle_style

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


@pytest.mark.parametrize(
    ("texts", "written", "numbers"),
    [
        (
            ["1,234.50", "(5.00)", "7", "1,234.50", "-2,000"],
            ((), ".", ","),
            [1234.5, -5, 7, 1234.5, -2000],
        ),
        (["$ 5", "-$1,000.50", "2e3", "n. a."], (("$",), ".", ","), [5, -1000.5, 2000, np.nan]),
        (["1.234,5 kg", "- 7kg", "8", "9 lb"], (("kg",), ",", "."), [1234.5, -7, 8, np.nan]),
        (["Rs. 1.000", "2.500 Rs.", "3.000"], (("Rs.",), ",", "."), [1000, 2500, 3000]),
    ],
    ids=["amounts", "money", "measures", "a unit with a point"],
)
def test_plain_texts_and_others_are_read_together(texts, written, numbers):
    units, decimal, thousands = written
    read = read_numbers(texts, Style(decimal, thousands), frozenset(units))
    np.testing.assert_array_equal(read, numbers)
