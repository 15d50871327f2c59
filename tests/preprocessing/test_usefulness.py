"""The filter of columns: noise is found, what says something stays, and nothing depends on luck."""

import numpy as np
import pytest

from kerasnas.clock import Deadline, OutOfTime
from kerasnas.preprocessing import Sample, useful_columns

ROWS, REAL, NOISE = 600, 5, 30


def table(classes, noise=NOISE, seed=0):
    """Five real columns, one of them of codes at the end, and noise of both kinds between."""
    rng = np.random.default_rng(seed)
    real = rng.normal(size=(ROWS, REAL - 1))
    code = rng.integers(0, 4, ROWS)
    code_noise = rng.integers(0, 12, (ROWS, noise // 3))
    rest = rng.normal(size=(ROWS, noise - noise // 3))
    value = real[:, 0] + real[:, 1] * 2 - real[:, 2] + np.sin(2 * real[:, 3]) * 1.5
    value = value + np.array([0.0, 2.5, -2.5, 1.0])[code] + 0.3 * rng.normal(size=ROWS)
    targets = value if classes is None else np.digitize(value, np.quantile(value, [0.4, 0.7]))
    if classes == 2:
        targets = np.minimum(targets, 1)
    owners = [f"real {i}" for i in range(REAL - 1)] + [f"noise {i}" for i in range(rest.shape[1])]
    owners += [f"coded noise {i}" for i in range(code_noise.shape[1])] + ["real code"]
    matrix = np.concatenate([real, rest, code_noise, code[:, None]], axis=1).astype("float32")
    return Sample(matrix, owners, code_noise.shape[1] + 1, targets, classes)


@pytest.mark.parametrize("classes", [None, 2, 3])
def test_noise_is_found_and_the_rest_is_kept(classes):
    kept = useful_columns(table(classes), seed=0)
    assert kept is not None
    real = [name for name in kept if name.startswith("real")]
    assert len(real) == REAL
    # One noisy column in five is luckier than four shadows in five.
    assert len(kept) - len(real) <= NOISE / 3


def test_the_same_seed_keeps_the_same_columns():
    sample = table(2)
    assert useful_columns(sample, seed=3) == useful_columns(sample, seed=3)


def test_a_table_without_noise_is_left_alone():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(ROWS, 6)).astype("float32")
    sample = Sample(x, list("abcdef"), 0, x.sum(axis=1), None)
    assert useful_columns(sample, seed=0) is None


def test_columns_that_say_the_same_are_not_all_dropped():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(ROWS, 6))
    x[:, 1] = x[:, 0] + 0.01 * rng.normal(size=ROWS)
    y = (x[:, 0] + 0.5 * x[:, 2] > 0).astype("int64")
    kept = useful_columns(Sample(x.astype("float32"), list("abcdef"), 0, y, 2), seed=0)
    assert kept is not None
    assert {"a", "b"} & set(kept)
    assert "c" in kept


def test_what_only_the_weighted_rows_tell_is_useful():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(ROWS, 5)).astype("float32")
    first = np.arange(ROWS) < ROWS // 2
    y = np.where(first, x[:, 0], x[:, 1]) + 0.1 * rng.normal(size=ROWS)
    kept = useful_columns(Sample(x, list("abcde"), 0, y, None, np.where(first, 1.0, 0.0)), seed=0)
    assert kept is not None
    assert "a" in kept


def test_features_of_one_column_are_shuffled_together():
    sample = table(2)
    doubled = Sample(
        np.concatenate([sample.matrix[:, :1], sample.matrix], axis=1),
        ["real 0", *sample.owners],
        sample.codes,
        sample.targets,
        2,
    )
    assert "real 0" in (useful_columns(doubled, seed=0) or ())


def test_labels_with_gaps_and_missing_values_are_taken():
    sample = table(3)
    matrix = sample.matrix.copy()
    matrix[::7, [0, -1]] = np.nan
    targets = np.where(sample.targets == 1, 0, sample.targets)
    kept = useful_columns(Sample(matrix, sample.owners, sample.codes, targets, 3), seed=0)
    assert kept is not None
    assert "real code" in kept


def test_few_rows_or_columns_are_not_judged():
    sample = table(2)
    few = Sample(sample.matrix[:150], sample.owners, sample.codes, sample.targets[:150], 2)
    assert useful_columns(few, seed=0) is None
    narrow = Sample(sample.matrix[:, :3], sample.owners[:3], 0, sample.targets, 2)
    assert useful_columns(narrow, seed=0) is None


def test_time_runs_out():
    with pytest.raises(OutOfTime):
        useful_columns(table(2), seed=0, deadline=Deadline.after(-1.0))
