"""The server: rows of JSON in, answers out, and a sentence for whatever it does not take."""

import json
import random
import re

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.data import TableReader
from kerasnas.errors import SchemaError
from kerasnas.server.limits import Limits
from kerasnas.server.refusal import Refusal
from kerasnas.server.rows import TableRows

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx2")

from starlette.testclient import TestClient

from kerasnas.server import create_app

pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")

ROWS = 90
JSON = {"content-type": "application/json"}


def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 9, ROWS).round(1),
            "<b>plan</b>": rng.choice(["basic", "plus", "3"], ROWS),
            "paid": [f"${1000 + 7 * i:,}" for i in range(ROWS)],
            "since": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(ROWS), "D"),
            "member": rng.choice([True, False], ROWS),
        }
    )
    frame.loc[::11, "age"] = np.nan
    return frame, np.where(frame["age"].fillna(40) > 40, "yes", "no")


@pytest.fixture(scope="module")
def classifier():
    x, y = table()
    quick = {"budget": kn.Budget(trials=1), "space": "linear", "folds": False, "seed": 0}
    return kn.TabularClassifier(**quick, verbose=0).fit(x, y)


@pytest.fixture(scope="module")
def client(classifier, tmp_path_factory):
    path = tmp_path_factory.mktemp("server") / "model.keras"
    classifier.save(path)
    limits = Limits(rows=50, megabytes=0.02)
    with TestClient(create_app(path, limits), raise_server_exceptions=False) as client:
        yield client


def rows_of(frame):
    frame = frame.assign(since=frame["since"].map(lambda moment: moment.isoformat()))
    return json.loads(frame.to_json(orient="records"))


def test_answers_are_those_of_predict(client, classifier):
    x, _ = table()
    answers = client.post("/predict", json={"rows": rows_of(x[:40])}).json()["answers"]
    assert [a["prediction"] for a in answers] == list(classifier.predict(x[:40]))
    told = [[a["probabilities"][label] for label in classifier.classes_] for a in answers]
    np.testing.assert_allclose(told, classifier.predict_proba(x[:40]), atol=1e-6)


def test_one_row_has_one_answer(client):
    answer = client.post("/predict", json={"row": rows_of(table()[0][:1])[0]}).json()
    assert set(answer) == {"answer"}
    assert answer["answer"]["prediction"] in ("yes", "no")


def test_a_list_is_a_row_in_the_order_of_the_columns(client):
    row = rows_of(table()[0][:1])[0]
    by_name = client.post("/predict", json={"row": row}).json()
    assert client.post("/predict", json={"row": list(row.values())}).json() == by_name


def test_further_columns_are_ignored_and_told(client):
    row = rows_of(table()[0][:1])[0] | {"id": 7}
    remarks = client.post("/predict", json={"row": row}).json()["remarks"]
    assert remarks == ["Not known to the model, and ignored: `id`."]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "The body is empty"),
        (b"{", 400, "no JSON"),
        (b"\xff\xfe\x00", 400, "no JSON"),
        (b'{"row": NaN}', 400, "Write null for a missing value"),
        (b"[" * 9000, 400, "nested too deeply"),
        (b"[]", 422, "a list, expected an object"),
        (b"7", 422, "a number, expected an object"),
        (b'{"raw": 1}', 422, "did you mean `row`"),
        (b'{"row": {}, "rows": []}', 422, "2 keys"),
        (b'{"rows": {}}', 422, "an object, expected a list"),
        (b'{"rows": []}', 422, "at least one row"),
        (b'{"rows": [' + b"0," * 60 + b"0]}", 413, "at most 50 in one request"),
        (b'{"row": "x"}', 422, "a text, expected an object"),
        (b'{"row": [1]}', 422, "has 1 values, and there are 5 columns"),
        (b'{"row": {"age": 1}}', 422, "are missing"),
        (b" " * 30_000, 413, "more than 20,000 bytes"),
    ],
)
def test_what_is_wrong_with_a_body_is_one_sentence(client, body, status, said):
    answer = client.post("/predict", content=body, headers=JSON)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("age", "old", "`age` has 1 value that is not a number"),
        ("age", [1], "`age` is a list, expected one value or null"),
        ("since", 5, "`since`"),
        ("since", "soon", "`since`"),
        ("member", "perhaps", "`member`"),
        ("<b>plan</b>", {"a": 1}, "an object, expected one value"),
    ],
)
def test_what_is_wrong_with_a_value_names_the_column(client, column, value, said):
    row = rows_of(table()[0][:1])[0] | {column: value}
    answer = client.post("/predict", json={"row": row})
    assert answer.status_code == 422
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/predict", 405), ("GET", "/../etc", 404), ("POST", "/predict/", 404)],
)
def test_other_paths_and_methods_are_one_sentence(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"].endswith((".", "`."))


def test_another_content_type_is_told_the_right_one(client):
    answer = client.post("/predict", content=b'{"row": {}}', headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json()["error"]


def test_health_version_and_openapi(client):
    assert client.get("/health").json() == {"status": "ok"}
    version = client.get("/version").json()
    assert version["kerasnas"] == kn.__version__ and len(version["sha256"]) == 64
    told = client.get("/openapi.json").json()
    row = told["components"]["schemas"]["Row"]
    assert set(row["required"]) == {"age", "<b>plan</b>", "paid", "since", "member"}
    assert row["properties"]["member"]["type"] == ["boolean", "null"]


def test_the_page_answers_a_row_and_escapes_everything(client):
    page = client.get("/").text
    assert re.search(r'name="age" value="" placeholder="such as (3|4)\d', page)  # the median
    assert "<b>plan" not in page and "&lt;b&gt;plan&lt;/b&gt;" in page and "<script" not in page
    row = {k: str(v) for k, v in rows_of(table()[0][1:2])[0].items()}
    answer = client.post("/", data=row)
    assert answer.status_code == 200 and "probability of yes" in answer.text
    bad = client.post("/", data=row | {"age": '"><script>alert(1)</script>'})
    assert bad.status_code == 422 and "<script" not in bad.text


def test_a_second_of_work_for_nothing_is_refused(classifier, monkeypatch):
    with TestClient(create_app(classifier, Limits(seconds=1e-9))) as client:
        answer = client.post("/predict", json={"row": rows_of(table()[0][:1])[0]})
    assert answer.status_code in (408, 413)
    assert "Send" in answer.json()["error"]


def test_limits_are_checked():
    with pytest.raises(SchemaError, match="`rows` must be a number above 0"):
        Limits(rows=0)


VALUES = [None, True, False, 0, 1, -3, 2.5, 1e39, 2**60 + 1, "", "3", "x", "N/A", "$1,200"]
VALUES += ["2024-02-30", "2024-02-03", "\ud800", "é", float("inf")]


@pytest.mark.filterwarnings("ignore:.*held strings in fit")
def test_values_are_read_as_predict_reads_them(classifier):
    """Whatever the fast way takes, it reads as the reader of the estimator does."""
    draw = random.Random(0)
    reader: TableReader = classifier.fitted_.reader
    names = reader.schema.names
    compared = 0
    for _ in range(120):
        rows = [{name: draw.choice(VALUES) for name in names} for _ in range(draw.choice((1, 3)))]
        columns = {name: pd.Series([r[name] for r in rows], dtype=object) for name in names}
        try:
            expected = reader.read(pd.DataFrame(columns))
        except SchemaError:
            with pytest.raises(Refusal):
                TableRows(reader).read(rows)
            continue
        compared += 1
        found = TableRows(reader).read(rows).raw
        for name in names:
            assert found[name].dtype == expected[name].dtype
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert compared > 2


def malformed(draw, row):
    """A body that is likely to be wrong, of one of many kinds."""
    kind = draw.randrange(7)
    text = json.dumps({"row": row})
    if kind == 0:  # bytes in another place
        body = bytearray(text.encode())
        for _ in range(draw.randrange(1, 6)):
            body[draw.randrange(len(body))] = draw.randrange(256)
        return bytes(body)
    if kind == 1:  # cut
        return text[: draw.randrange(len(text))].encode()
    odd = draw.choice(
        [[], {}, [[]], -1, 10**400, "\x00", "<script>", "../../etc", True, "a" * 3000, [None] * 99]
    )
    if kind == 2:  # a value of another type
        return json.dumps({"row": row | {draw.choice(list(row)): odd}}).encode()
    if kind == 3:  # a row of another type
        return json.dumps({"rows": [row, odd]}).encode()
    if kind == 4:  # a column less
        gone = draw.choice(list(row))
        return json.dumps({"row": {k: v for k, v in row.items() if k != gone}}).encode()
    if kind == 5:  # another key
        return json.dumps({draw.choice(["Row", "", "__proto__", "rows\n"]): odd}).encode()
    return draw.choice([b'{"row": -Infinity}', b"null", b'"' * 99, b"{" * 999, b'{"row":1e999}'])


def test_malformed_requests_get_a_sentence_and_no_traceback(client):
    draw = random.Random(1)
    row = rows_of(table()[0][:1])[0]
    statuses = set()
    for _ in range(400):
        answer = client.post("/predict", content=malformed(draw, row), headers=JSON)
        statuses.add(answer.status_code)
        assert answer.status_code == 200 or 400 <= answer.status_code < 500
        if answer.status_code != 200:
            sentence = answer.json()["error"]
            assert sentence.endswith(".") and "Traceback" not in sentence and len(sentence) < 1500
    assert {400, 422} <= statuses


def test_texts_are_served_too():
    texts, labels = ["good film", "bad film"] * 20, ["up", "down"] * 20
    quick = {"budget": kn.Budget(trials=1), "space": "linear", "folds": False, "seed": 0}
    clf = kn.TextClassifier(**quick, verbose=0).fit(texts, labels)
    with TestClient(create_app(clf)) as client:
        told = client.post("/predict", json={"rows": ["good film", None]}).json()["answers"]
        assert [a["prediction"] for a in told] == list(clf.predict(["good film", None]))
        bad = client.post("/predict", json={"row": 5})
        assert bad.status_code == 422 and "expected a text or null" in bad.json()["error"]
        assert "<textarea" in client.get("/").text or "<input" in client.get("/").text
