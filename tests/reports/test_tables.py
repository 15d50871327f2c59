"""Tables as people have them: what public reports say is read wrongly is read right."""

import json
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

import kerasnas as kn
from kerasnas.assembly import join
from kerasnas.data import MISSING_DATETIME, Column, Schema, infer_schema, ingest, to_frame
from kerasnas.data.infer import follows, warn_of_schema
from kerasnas.estimators.arguments import settle_columns
from kerasnas.preprocessing import fit_preprocessing
from kerasnas.problem.given import Given
from kerasnas.problem.heads import head_of, units_of
from kerasnas.problem.rows import fit_target

R = np.random.default_rng(0)
DAYS = pd.Series(pd.Timestamp("2021-01-01") + pd.to_timedelta(R.permutation(900)[:400], "D"))
NUMBERS = np.round(R.normal(40_000, 9_000, 400), 2)


def read(values, **arguments):
    """The column that is inferred, and its raw values read by a schema that went through JSON."""
    frame = pd.DataFrame({"it": values, "x": np.linspace(0.0, 1.0, len(values))})
    schema = infer_schema(frame, **arguments)
    again = Schema.from_json(json.loads(json.dumps(schema.to_json())))
    assert again == schema
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return schema["it"], ingest(frame, again).get("it")


def seconds(moments, unit="D"):
    return moments.dt.floor(unit).to_numpy().astype("datetime64[s]").astype("int64")


def fitted(estimator, x, y, trials=1, **arguments):
    budget = kn.Budget(trials=trials, epochs=4)
    settings = {"ensemble": False, "seed": 0, "verbose": 0, **arguments}
    return estimator(budget=budget, **settings).fit(x, y)


class TestDates:
    @pytest.mark.parametrize(
        ("form", "unit"),
        [
            *((form, "D") for form in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d")),
            *((form, "D") for form in ("%d-%b-%y", "%d %B %Y", "%B %d, %Y", "%Y%m%d", "%d%b%Y")),
            *((form, "D") for form in ("%m/%d/%y", "%d.%m.%y", "%a, %d %b %Y", "%Y.%m.%d")),
            ("%d/%m/%Y %H:%M", "min"),
            ("%m/%d/%Y %I:%M %p", "min"),
            ("%d.%m.%Y %H:%M:%S", "s"),
            ("%a %b %d %H:%M:%S %Y", "s"),
        ],
    )
    def test_the_format_is_settled_by_the_whole_column(self, form, unit):
        moments = DAYS + pd.to_timedelta(R.integers(0, 86_400, 400), "s")
        column, values = read(moments.dt.strftime(form))
        assert (column.kind, column.note, column.dropped) == ("datetime", None, None)
        assert form in column.reason
        np.testing.assert_array_equal(values, seconds(moments, unit))

    def test_dates_with_and_without_a_time_are_read(self):
        texts = ["31/01/2024 10:30", "05/02/2024", "17/02/2024 08:00", "01/03/2024"]
        column, values = read(texts)
        assert column.kind == "datetime"
        assert values[1] - values[0] == 5 * 86_400 - 37_800

    @pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%y"])
    def test_an_order_that_nothing_settles_is_told(self, form):
        early = pd.Series(pd.to_datetime([f"2024-{m}-{d}" for m in (1, 2, 5) for d in (7, 3, 9)]))
        frame = pd.DataFrame({"when": early.dt.strftime(form), "x": range(9)})
        with pytest.warns(UserWarning, match=r"`when` holds dates whose order.*kinds=.'when"):
            warn_of_schema(infer_schema(frame))
        column, values = read(frame["when"], column_kinds={"it": form})
        np.testing.assert_array_equal(values, seconds(early))
        assert column.note is None and form in column.reason

    def test_months_that_begin_on_their_first_day_are_not_days_of_january(self):
        starts = pd.Series(pd.date_range("2019-01-01", periods=12, freq="MS"))
        column, values = read(starts.dt.strftime("%d/%m/%Y"))
        np.testing.assert_array_equal(values, seconds(starts))
        assert column.note is not None

    @pytest.mark.parametrize("word", ["unknown", "N/A", "-", "?", ""])
    def test_words_for_missing_dates_are_gaps(self, word):
        column, values = read(DAYS.dt.strftime("%Y-%m-%d").where(DAYS.index != 7, word))
        assert (column.kind, column.note) == ("datetime", None)
        assert values[7] == MISSING_DATETIME and (values != MISSING_DATETIME).sum() == 399

    @pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y"])
    def test_one_cell_in_a_hundred_may_be_no_date_and_is_told(self, form):
        texts = DAYS.dt.strftime(form)
        texts[[3, 9]] = ["31/02/2021x", "spring"]
        frame = pd.DataFrame({"when": texts, "x": NUMBERS})
        schema = infer_schema(frame)
        with pytest.warns(UserWarning, match=r"`when` has 2 of 400 values that are no dat"):
            warn_of_schema(schema)
        with pytest.warns(UserWarning, match="`when` has 2 values.*As in fit"):
            values = ingest(frame, schema)["when"]
        assert (values[[3, 9]] == MISSING_DATETIME).all()
        texts[:40] = [f"spring {row}" for row in range(40)]
        assert read(texts)[0].kind != "datetime"

    @pytest.mark.parametrize(
        "texts", [["3.10.12", "3.9.18", "1.2.10"], ["1/2", "3/4", "5/8"], ["A-12", "B-07", "C-99"]]
    )
    def test_versions_fractions_and_codes_are_no_dates(self, texts):
        assert read(texts * 5)[0].kind == "categorical"


class TestNumbers:
    @pytest.mark.parametrize(
        ("write", "unit"),
        [
            (lambda v: f"{v:,.0f}", 1.0),
            (lambda v: f"{v:,.2f}".translate(str.maketrans(",.", ".,")), 0.01),
            (lambda v: f"${v:,.0f}", 1.0),
            (lambda v: f"{v / 1000:.3f}%", 0.001),
            (lambda v: f"{v:.2f} kg", 0.01),
            (lambda v: f"{v:,.2f}".replace(",", " "), 0.01),
            (lambda v: f"{v:,.2f} €".translate(str.maketrans(",.", ".,")), 0.01),
            (lambda v: f"{v:,.1f}".replace(",", "'"), 0.1),
            (lambda v: f"CHF {v:.2f}", 0.01),
            (lambda v: f"{v:.2f}".replace(".", ","), 0.01),
            (lambda v: f"({v:,.0f})", 1.0),
            (lambda v: f"\u2212{v:.1f} °C", 0.1),
            (lambda v: f"{v:,.0f} €".replace(",", "."), 1.0),
        ],
    )
    def test_numbers_are_read_as_they_are_written(self, write, unit):
        texts = [write(v) for v in NUMBERS]
        column, values = read(texts)
        assert (column.kind, column.note, column.dropped) == ("numeric", None, None)
        sign = -1 if texts[0][0] in "(\u2212" else 1
        scale = 1000.0 if "%" in texts[0] else 1.0
        np.testing.assert_allclose(values * sign * scale, NUMBERS, atol=unit * scale, rtol=1e-6)
        assert column.written.describe() == "" or column.written.describe() in column.reason

    def test_magnitudes_multiply(self):
        column, values = read(["950", "1.2k", "3.4M", "12k"])
        assert column.kind == "numeric"
        np.testing.assert_allclose(values, [950, 1_200, 3_400_000, 12_000])

    @pytest.mark.parametrize("texts", [["12 kg", "500 g"], ["1st", "2nd"]])
    def test_one_column_has_one_unit(self, texts):
        column, _ = read(texts * 20)
        assert column.kind == "categorical"
        assert (column.note is None) == (texts[0] == "1st")

    @pytest.mark.parametrize("word", ["?", "NA", "N/A", "-", "null", "None", "#N/A", "<NA>", "."])
    def test_words_for_missing_numbers_are_gaps(self, word):
        texts = pd.Series(NUMBERS).astype(str)
        texts[::50] = word
        column, values = read(texts)
        assert (column.kind, column.note) == ("numeric", None)
        assert "gaps" in column.reason
        np.testing.assert_allclose(np.delete(values, np.s_[::50]), np.delete(NUMBERS, np.s_[::50]))
        assert np.isnan(values[::50]).all()

    def test_words_among_numbers_of_an_object_column_are_gaps(self):
        cells = pd.Series(NUMBERS, dtype=object)
        cells[::50] = "?"
        column, values = read(cells)
        assert column.kind == "numeric" and np.isnan(values[::50]).all()

    def test_one_cell_in_a_hundred_may_be_no_number_and_is_told(self):
        texts = pd.Series([f"{v:,.2f}" for v in NUMBERS])
        texts[5] = "a lot"
        column, values = read(texts)
        assert column.kind == "numeric" and "'a lot'" in column.note and np.isnan(values[5])

    def test_codes_and_postcodes_stay_categories(self):
        assert read(["01234", "99999", "10001"] * 9)[0].kind == "categorical"
        assert read(["1", "2", "3"] * 9)[0].kind == "categorical"

    def test_new_rows_are_read_as_those_of_fit(self):
        schema = infer_schema(pd.DataFrame({"it": ["1.234,50", "7,25", "12,00"], "x": range(3)}))
        new = pd.DataFrame({"it": ["1.000"], "x": [1]})
        assert ingest(new, schema)["it"][0] == 1000.0
        with pytest.raises(kn.errors.SchemaError, match=r"`it` has 1 value .*not written as"):
            ingest(new.assign(it="1,234.50"), schema)
        assert ingest(new.assign(it=1234.5), schema)["it"][0] == 1234.5


class TestDigits:
    @pytest.mark.parametrize(
        "values",
        [
            20_240_100 + R.integers(0, 32, 400),
            1_700_000_000_000 + R.integers(0, 60_000, 400),
            pd.Series(1_700_000_000_000 + R.integers(0, 60_000, 400)).astype(str),
            (2.0**33 + R.integers(0, 99, 400)),
            2**62 + R.integers(0, 99, 400),
        ],
    )
    def test_whole_numbers_that_float32_merges_are_int64(self, values):
        column, raw = read(values)
        assert column.exact and raw.dtype == np.int64 and "int64" in column.reason
        np.testing.assert_array_equal(raw, np.array(values).astype("int64"))

    def test_a_missing_exact_number_is_the_least_one(self):
        values = pd.Series(20_240_100 + R.integers(0, 32, 400), dtype="Int64")
        values[3] = pd.NA
        assert read(values)[1][3] == -(2**63)

    @pytest.mark.parametrize("values", [1e9 + R.normal(size=400), 1e39 * R.normal(size=400)])
    def test_fractions_that_float32_merges_are_told(self, values):
        frame = pd.DataFrame({"v": values, "x": NUMBERS})
        with pytest.warns(UserWarning, match="`v` holds numbers that differ by less than float32"):
            warn_of_schema(infer_schema(frame))

    @pytest.mark.parametrize(
        "values", [NUMBERS, NUMBERS * 1e6, 128.0 * R.integers(0, 99, 400) + 2**30, NUMBERS * 1e-20]
    )
    def test_numbers_that_float32_holds_are_not_told(self, values):
        column, raw = read(values)
        assert column.note is None and not column.exact and raw.dtype == np.float32


X = R.normal(size=(300, 3))


class TestTargets:
    @pytest.mark.parametrize(
        ("y", "double"),
        [
            (1e9 + X[:, 0], True),
            (2**31 + 3 * X[:, 0], True),
            (1e12 + 1e3 * X[:, 0], True),
            (1e39 * X[:, 0], True),
            (2**24 + np.arange(300), True),
            (180_000 + 80_000 * X[:, 0], False),
            (X[:, 0], False),
        ],
    )
    def test_targets_that_float32_merges_are_answered_in_float64(self, y, double):
        units = units_of(y)
        assert units.double == double
        restored = units.restore(units.standardise(y))[:, 0]
        assert np.abs(restored - y).max() < 1e-6 * np.ptp(y)

    def test_squares_that_are_infinite_are_refused_before_training(self):
        with pytest.raises(kn.errors.SchemaError, match=r"`y` has 300 values beyond 1e\+150"):
            kn.TabularRegressor(budget=1).fit(X, 1e160 * (2 + np.abs(X[:, 0])))

    def test_a_fit_keeps_the_last_digits_of_its_targets(self, tmp_path):
        y = 1e12 + 1e3 * X[:, 0]
        names = [f"x{i}" for i in range(3)]
        frame = pd.DataFrame(X, columns=names)
        reg = fitted(
            kn.TabularRegressor, frame, y, folds=False, intervals=0.8, ensemble=2, trials=2
        )
        assert reg.score(frame, y) >= 0.98
        low, high = reg.predict_interval(frame).T
        assert np.mean((low <= y) & (y <= high)) > 0.6 and np.median(high - low) > 1.0
        board = reg.leaderboard(full=True).set_index("trial_id")["val_r2"]
        assert board["linear"] > 0.98 and board["hist_gradient_boosting"] > 0.8
        reg.save(tmp_path / "large.keras")
        plain = keras.models.load_model(tmp_path / "large.keras")
        given = {name: frame[name].to_numpy("float32")[:, None] for name in names}
        answers = plain.predict(given, verbose=0)["prediction"]
        assert answers.dtype == np.float64
        np.testing.assert_allclose(answers[:, 0], reg.predict(frame), rtol=0, atol=1.0)


NAMED = pd.DataFrame(X, columns=list("abc"))
TWO = np.stack([X[:, 0] + 2 * X[:, 1], 1e3 * X[:, 2]], axis=1)
LABELS = (X > 0).astype(int)


def test_several_targets_are_a_matrix_a_frame_or_lists():
    for y in (TWO, pd.DataFrame(TWO, columns=["u", "v"]), TWO.tolist(), list(TWO)):
        target = fit_target(y, classify=False, several=True)
        np.testing.assert_array_equal(target.encode(y), TWO)
        assert type(target).from_json(json.loads(json.dumps(target.to_json()))) == target
    target = fit_target(TWO, classify=False, several=True)
    with pytest.raises(kn.errors.SchemaError, match="`y` must have 2 columns as in fit"):
        target.encode(X)
    with pytest.raises(kn.errors.SchemaError, match=r"1 value not finite \(row 4"):
        target.encode(np.where(np.arange(300)[:, None] == 4, np.inf, TWO))
    with pytest.raises(kn.errors.SchemaError, match="rows of 1 to 2 numbers"):
        fit_target([[1.0, 2.0], [3.0]], classify=False, several=True)


def test_scores_of_several_targets_are_means_as_in_scikit_learn():
    weights = R.uniform(0.5, 2.0, 300)
    scorer = head_of(fit_target(TWO, classify=False, several=True)).scorer(TWO, weights)
    answers = TWO + R.normal(size=TWO.shape)
    scores = scorer(answers)
    assert scores["r2"] == pytest.approx(r2_score(TWO, answers, sample_weight=weights))
    expected = root_mean_squared_error(TWO, answers, sample_weight=weights)
    assert scores["rmse"] == pytest.approx(expected)
    expected = mean_absolute_error(TWO, answers, sample_weight=weights)
    assert scores["mae"] == pytest.approx(expected)


@pytest.mark.parametrize("space", ["histgb", "tabm"])
def test_several_targets_are_answered_in_one_file(space, tmp_path):
    x = NAMED.assign(u=TWO[:, 0], v=TWO[:, 1])
    reg = fitted(kn.TabularRegressor, x, ["u", "v"], folds=False, space=space)
    answers = reg.predict(NAMED)
    assert answers.shape == (300, 2) and answers.dtype == np.float64
    assert reg.score(x, ["u", "v"]) >= (0.9 if space != "tabm" else 0.1)
    assert reg.evaluate(NAMED, TWO)["r2"] == pytest.approx(reg.score(NAMED, TWO))
    board = reg.leaderboard(full=True).set_index("trial_id")["val_r2"]
    assert board["linear"] > 0.99 and board["hist_gradient_boosting"] > 0.7
    reg.save(tmp_path / "two.keras")
    np.testing.assert_array_equal(kn.load(tmp_path / "two.keras").predict(NAMED), answers)
    plain = keras.models.load_model(tmp_path / "two.keras")
    given = {name: NAMED[name].to_numpy("float32")[:, None] for name in NAMED}
    np.testing.assert_allclose(plain.predict(given, verbose=0), answers, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("space", ["linear", "mlp"])
def test_several_labels_are_answered_in_one_file(space, tmp_path):
    lists = [[name for name, there in zip("pqr", row, strict=True) if there] for row in LABELS]
    clf = fitted(kn.TabularClassifier, NAMED, lists, folds=False, space=space)
    assert clf.classes_.tolist() == ["p", "q", "r"]
    said, probabilities = clf.predict(NAMED), clf.predict_proba(NAMED)
    assert probabilities.shape == (300, 3)
    likely = [["pqr"[i] for i in np.flatnonzero(row > 0.5)] for row in probabilities]
    assert said == likely
    assert clf.score(NAMED, lists) >= (0.8 if space != "mlp" else 0.05)
    assert clf.evaluate(NAMED, lists)["auc"] > 0.6
    clf.save(tmp_path / "labels.keras")
    again = kn.load(tmp_path / "labels.keras")
    np.testing.assert_array_equal(again.predict_proba(NAMED), probabilities)


def test_a_label_that_no_training_row_has_is_answered_with_its_share():
    matrix = np.stack([LABELS[:, 0], LABELS[:, 1], 0 * LABELS[:, 0]], axis=1)
    clf = fitted(kn.TabularClassifier, NAMED, matrix, folds=False, space="histgb")
    assert clf.predict(NAMED).shape == (300, 3)
    assert (clf.predict_proba(NAMED)[:, 2] == 0).all()
    importance = clf.feature_importance(NAMED, matrix, repeats=1).set_index("feature")["importance"]
    assert importance["c"] < importance["a"]
    with pytest.raises(kn.errors.SchemaError, match="`distil` is for one target"):
        clf.distil(seconds=1)


def test_intervals_of_several_targets_are_refused_before_training():
    with pytest.raises(kn.errors.SchemaError, match="one label or one number a row"):
        kn.TabularRegressor(intervals=0.9).fit(NAMED, TWO)


@pytest.mark.parametrize(
    "name", ["csr_matrix", "csc_array", "coo_matrix", "lil_matrix", "dok_array"]
)
def test_sparse_matrices_of_any_layout_are_tables(name):
    dense = np.where(X > 0.5, X, 0.0)
    frame, named = to_frame(getattr(sparse, name)(dense))
    np.testing.assert_array_equal(frame.to_numpy(), dense)
    assert not named


def test_a_model_of_terms_takes_sparse_and_dense_rows_alike(tmp_path):
    words = ["cheap", "late", "kind", "fresh", "broken", "again", "cold", "slow"]
    texts = [" ".join(R.choice(words, 4)) for _ in range(300)]
    matrix = TfidfVectorizer().fit_transform(texts)
    y = np.array(["late" in text for text in texts])
    clf = fitted(kn.TabularClassifier, matrix, y, folds=False, space="linear")
    assert clf.score(matrix, y) >= 0.99
    np.testing.assert_array_equal(clf.predict(matrix.toarray()), clf.predict(matrix))
    assert clf.__sklearn_tags__().input_tags.sparse


def test_layers_of_a_wide_table_are_those_of_a_narrow_one():
    """A file of 6,000 columns is saved, loaded and asked in seconds: columns add inputs alone."""
    added = []
    for columns in (40, 400):
        raw = {f"n{i}": R.normal(size=30).astype("float32") for i in range(columns)}
        raw |= {f"d{i}": R.integers(0, 10**9, 30) for i in range(columns)}
        kinds = {name: "numeric" if name[0] == "n" else "datetime" for name in raw}
        schema = Schema(tuple(Column(name, kind, "", "given") for name, kind in kinds.items()))
        front = fit_preprocessing(raw, schema)
        matrix = keras.Input((front.width,))
        body = keras.Model(matrix, keras.layers.Dense(1)(matrix))
        layers = join(front.front, body).layers
        added.append(sum(not isinstance(layer, keras.layers.InputLayer) for layer in layers))
    assert added[0] == added[1]


ROWS = pd.DataFrame(R.normal(size=(120, 3)), columns=list("abc"))
ROWS["place"] = R.choice(["north", "süd"], 120)
SUM = (ROWS["a"] + ROWS["b"] > 0).to_numpy().astype(int)
HEAVY = np.linspace(0.5, 2.0, 120)


def in_batches(kind):
    """A table with targets and weights, batch by batch."""
    import tensorflow as tf

    columns = {name: ROWS[name].to_numpy() for name in ROWS}

    def batches():
        for start in range(0, 120, 50):
            part = slice(start, start + 50)
            yield {n: values[part] for n, values in columns.items()}, SUM[part], HEAVY[part]

    if kind == "generator":
        return batches()
    if kind == "rows":
        return tf.data.Dataset.from_tensor_slices((columns, SUM, HEAVY))
    if kind == "dataset":
        return tf.data.Dataset.from_tensor_slices((columns, SUM, HEAVY)).batch(50)
    if kind == "names":
        named = {**columns, "y": SUM, "w": HEAVY}
        return tf.data.Dataset.from_tensor_slices(named).batch(50)

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return list(batches())[index]

    return Batches()


@pytest.mark.parametrize("kind", ["generator", "rows", "dataset", "names", "PyDataset"])
def test_tables_come_batch_by_batch_with_targets_and_weights(kind):
    unpack = kn.TabularClassifier()._unpacked
    y, weight = ("y", "w") if kind == "names" else (None, None)
    further = in_batches(kind)
    given = Given(in_batches(kind), y, seed=0, sample_weight=weight, validation_data=further)
    found = settle_columns(given, unpack)
    for x in (found.x, found.validation_data[0]):
        pd.testing.assert_frame_equal(to_frame(x)[0], ROWS, check_dtype=False)
    assert np.array_equal(found.y, SUM) and np.allclose(found.sample_weight, HEAVY)
    assert np.allclose(found.validation_data[2], HEAVY)


def test_batches_of_a_table_are_answered_as_the_table_is():
    clf = fitted(kn.TabularClassifier, in_batches("dataset"), None, folds=False, space="linear")
    same = kn.TabularClassifier(
        budget=kn.Budget(trials=1, epochs=4),
        **{"ensemble": False, "seed": 0, "verbose": 0, "folds": False, "space": "linear"},
    ).fit(ROWS, SUM, sample_weight=HEAVY)
    expected = same.predict_proba(ROWS)
    np.testing.assert_array_equal(clf.predict_proba(ROWS), expected)
    inputs = in_batches("dataset").map(lambda x, y, w: x)
    np.testing.assert_array_equal(clf.predict_proba(inputs), expected)
    assert clf.evaluate(in_batches("rows")) == clf.evaluate(ROWS, SUM, sample_weight=HEAVY)
    assert clf.score(in_batches("PyDataset")) == clf.score(ROWS, SUM, sample_weight=HEAVY)


class TestIds:
    def test_a_counter_that_the_target_follows_is_kept(self):
        t = np.arange(400)
        shuffled = R.permutation(400)
        for values, target in [
            (t, 3.0 * t + R.normal(size=400)),
            (shuffled, 3.0 * shuffled),
            (shuffled, shuffled // 100),
            (shuffled, shuffled % 2),
        ]:
            column, _ = read(values, target=target)
            assert column.dropped is None and "the target follows it" in column.reason

    def test_an_account_number_that_the_target_follows_is_kept(self):
        frame = pd.DataFrame({"account_id": R.permutation(10**6)[:400], "x": NUMBERS})
        schema = infer_schema(frame, target=np.sqrt(frame["account_id"].to_numpy()))
        assert schema["account_id"].dropped is None

    def test_a_counter_that_says_nothing_is_dropped_and_named(self):
        frame = pd.DataFrame({"t": np.arange(400), "one": 1.0, "x": NUMBERS})
        schema = infer_schema(frame, target=R.integers(0, 2, 400))
        with pytest.warns(UserWarning, match=r"2 columns are not used: `t` \(id-.*`one`"):
            warn_of_schema(schema)

    def test_an_id_in_the_order_of_sorted_rows_is_no_evidence(self):
        frame = pd.DataFrame({"Id": np.arange(1, 151), "x": R.normal(size=150)})
        assert (
            "the target follows" in infer_schema(frame, target=np.arange(150) // 50)["Id"].dropped
        )

    @pytest.mark.parametrize("draw", [R.normal, lambda size: R.integers(0, 3, size)])
    def test_chance_is_no_evidence(self, draw):
        order = np.arange(300)
        # Four standard errors: one false alarm in 16,000 of a normal distribution.
        assert sum(follows(draw(size=300), order) for _ in range(2000)) <= 2


@pytest.fixture(scope="module")
def messy():
    """Everything about the target stands in columns that are written as people write."""
    months = DAYS.dt.month.to_numpy()
    texts = pd.DataFrame(
        {
            "when": DAYS.dt.strftime("%d/%m/%Y"),
            "price": [f"${v:,.2f}" for v in NUMBERS],
            "batch": 20_240_100 + R.integers(0, 32, 400),
            "noise": R.normal(size=400),
        }
    )
    texts.loc[::50, "price"] = "N/A"
    return texts, ((months > 6) & (texts["price"] != "N/A")).to_numpy()


@pytest.fixture(scope="module")
def clf(messy):
    return fitted(kn.TabularClassifier, *messy, trials=2, folds=False)


class TestFits:
    def test_the_model_learns_from_dates_and_prices(self, clf, messy):
        assert clf.score(*messy) >= 0.99

    def test_file_and_plain_keras_answer_alike(self, clf, messy, tmp_path):
        frame = messy[0][:40]
        clf.save(tmp_path / "messy.keras")
        again = kn.load(tmp_path / "messy.keras")
        answers = clf.predict_proba(frame)
        np.testing.assert_array_equal(again.predict_proba(frame), answers)
        assert again.schema_ == clf.schema_
        price = pd.to_numeric(frame["price"].str.replace(r"[$,]", "", regex=True), errors="coerce")
        plain = keras.models.load_model(tmp_path / "messy.keras")
        given = {
            "when": seconds(pd.to_datetime(frame["when"], format="%d/%m/%Y")),
            "price": price.to_numpy("float32"),
            "batch": frame["batch"].to_numpy("int64"),
            "noise": frame["noise"].to_numpy("float32"),
        }
        assert {k: t.dtype for k, t in plain.input.items()} == {
            k: v.dtype for k, v in given.items()
        }
        direct = plain.predict({k: v[:, None] for k, v in given.items()}, verbose=0)
        np.testing.assert_allclose(direct, answers, atol=1e-5)

    @pytest.mark.parametrize(
        ("first", "write"),
        [(20_240_100, int), (1_700_000_000_000, int), (1_700_000_000_000, str)],
        ids=["days", "milliseconds", "texts of 13 digits"],
    )
    def test_the_last_digit_of_a_whole_number_is_learnt(self, first, write):
        number = first + R.integers(0, 16, 800)
        x = pd.DataFrame({"number": [write(value) for value in number]})
        clf = fitted(kn.TabularClassifier, x, number % 2, folds=False, space="histgb")
        assert clf.score(x, number % 2) >= 0.98

    def test_a_counter_that_the_target_follows_is_learnt(self):
        x = pd.DataFrame({"t": np.arange(400), "noise": R.normal(size=400)})
        y = 3.0 * np.arange(400) + R.normal(size=400)
        reg = fitted(kn.TabularRegressor, x, y, folds=False, space="linear")
        assert reg.score(x, y) >= 0.99

    def test_baselines_see_the_digits_that_the_model_loses(self):
        rng = np.random.default_rng(0)
        v = 1e9 + rng.normal(size=400)
        frame = pd.DataFrame({"v": v, "x": rng.normal(size=400)})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            clf = fitted(kn.TabularClassifier, frame, v > 1e9, folds=False)
        assert any("`v` holds numbers" in str(warning.message) for warning in caught)
        board = clf.leaderboard(full=True).set_index("trial_id")["val_accuracy"]
        assert board["hist_gradient_boosting"] > 0.95 and board["linear"] > 0.95
