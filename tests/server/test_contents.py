"""The server on pictures, sounds and series: files, lists and steps in, answers out."""

import base64
import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import wavfile

import kerasnas as kn
from kerasnas.errors import ArtifactError
from kerasnas.server.limits import Limits

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx2")

from starlette.testclient import TestClient

from kerasnas.server import create_app

pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")

QUICK = {
    "budget": kn.Budget(trials=1, epochs=1),
    "space": "linear",
    "ensemble": False,
    "seed": 0,
    "verbose": 0,
}
RATE = 4000
LIMITS = Limits(rows=20, megabytes=0.5, millions=0.1)


def coded(content):
    return base64.b64encode(content).decode()


def png(pixels, format="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format)
    return file.getvalue()


def wav(wave, rate=RATE):
    file = io.BytesIO()
    wavfile.write(file, rate, wave)
    return file.getvalue()


@pytest.fixture(scope="module")
def pictures():
    x = np.random.default_rng(0).integers(0, 120, (40, 8, 8, 3)).astype("uint8")
    x[::2] += 100
    clf = kn.ImageClassifier(**{**QUICK, "space": "conv"}).fit(
        x, np.array(["dark", "light"])[1 - np.arange(40) % 2]
    )
    with TestClient(create_app(clf, LIMITS), raise_server_exceptions=False) as client:
        yield client, clf, x


@pytest.fixture(scope="module")
def sounds():
    rng, time = np.random.default_rng(0), np.arange(800) / RATE
    x = [np.sin(2 * np.pi * (300 + 600 * (i % 2)) * time) / 2 for i in range(40)]
    x = [(wave + rng.normal(0, 0.05, 800)).astype("float32") for wave in x]
    clf = kn.AudioClassifier(sample_rate=RATE, **QUICK).fit(x, ["low", "high"] * 20)
    with TestClient(create_app(clf, LIMITS), raise_server_exceptions=False) as client:
        yield client, clf, x


@pytest.fixture(scope="module")
def series():
    day, steps = pd.date_range("2024-01-01", periods=80), np.arange(80)
    frame = pd.DataFrame({"day": day, "sold": 50 + 8 * np.sin(steps * 2 * np.pi / 7)})
    frame["open"] = (steps % 7 != 6).astype(int)
    forecaster = kn.TimeSeriesForecaster(7, "sold", time="day", known_future=["open"], **QUICK)
    forecaster.fit(frame)
    with TestClient(create_app(forecaster, LIMITS), raise_server_exceptions=False) as client:
        yield client, forecaster, frame


def asked(client, rows):
    return client.post("/predict", json={"rows": rows})


def test_pictures_are_files_or_lists(pictures):
    client, clf, x = pictures
    lists, files = asked(client, x[:4].tolist()), asked(client, [coded(png(p)) for p in x[:4]])
    for told in (lists.json(), files.json()):
        assert [a["prediction"] for a in told["answers"]] == list(clf.predict(x[:4]))
        shares = [[a["probabilities"][k] for k in clf.classes_] for a in told["answers"]]
        np.testing.assert_allclose(shares, clf.predict_proba(x[:4]), atol=1e-5)
    address = "data:image/png;base64," + coded(png(x[0]))
    assert client.post("/predict", json={"row": address}).status_code == 200


def test_sounds_are_files_or_samples(sounds):
    client, clf, x = sounds
    expected = list(clf.predict(x[:3]))
    many = [{"samples": wave.repeat(2).tolist(), "rate": 2 * RATE} for wave in x[:3]]
    for rows in ([coded(wav(w)) for w in x[:3]], [w.tolist() for w in x[:3]], many):
        told = asked(client, rows).json()
        assert [a["prediction"] for a in told["answers"]] == expected


def steps_of(frame):
    return json.loads(frame.to_json(orient="records", date_format="iso"))


def test_series_go_on_from_what_is_known(series):
    client, forecaster, frame = series
    days = pd.date_range("2024-03-21", periods=7)
    future = pd.DataFrame({"day": days, "open": [1, 1, 1, 0, 1, 1, 1]})
    told = asked(client, [{"future": steps_of(future)}]).json()["answers"][0]["forecast"]
    expected = forecaster.predict(future)
    np.testing.assert_allclose([step["sold"] for step in told], expected["sold"], rtol=1e-6)
    assert told[0]["day"] == "2024-03-21T00:00:00" and "q0.5" in told[0]
    older = {"history": steps_of(frame[:-7]), "future": steps_of(frame[-7:][["day", "open"]])}
    told = client.post("/predict", json={"row": older}).json()["answer"]["forecast"]
    assert [step["day"][:10] for step in told] == [f"{day:%Y-%m-%d}" for day in frame["day"][-7:]]


BIG = coded(png(np.zeros((400, 400), "uint8")))
ODD_PICTURES = [
    ("/etc/passwd", 422, "not base64"),
    ("", 422, "empty file"),
    (coded(b"no picture"), 422, "no image file, expected one of PNG"),
    (coded(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n"), 422, "no image file"),
    (coded(png(np.zeros((8, 8, 3), "uint8"))[:45]), 422, "cannot be used"),
    (BIG, 413, "more than 100,000 pixels"),
    (coded(png(np.zeros((9, 8, 3), "uint8"))), 422, "size (9, 8), expected (8, 8)"),
    ([[[1, 2, 3]] * 8] * 7, 422, "shape"),
    ([[1, 2], [3]], 422, "several lengths"),
    ([["a"]], 422, "no numbers"),
    ([], 422, "no numbers"),
    ({"image": 1}, 422, "an object, expected a file in base64"),
    (None, 422, "null, expected"),
    (7, 422, "a number, expected"),
]
ODD_SOUNDS = [
    ("nothing", 422, "Row 0"),
    (coded(b"RIFF\x00\x00\x00\x00WAVEfmt "), 422, "Row 0"),
    (coded(wav(np.zeros(9, "int16"), 1)), 422, "1 samples a second, expected 100 to"),
    ({"samples": [0.1] * 400, "rate": 0}, 422, "0 samples a second"),
    ({"samples": [0.1] * 4000, "rate": 100}, 413, "more than 100,000 samples"),
    ({"samples": [0.1], "rate": 8000.5}, 422, "expected a whole number"),
    ({"samples": [0.1]}, 422, "the keys `samples` and `rate`"),
    ([1e30, 1e30], 422, "row 0: holds floats"),
    ([[0.1, 0.2]] * 20, 200, ""),
    ([[[0.1]]], 422, "row 0: has shape"),
]
ODD_SERIES = [
    (None, 422, "null, expected an object with `history`"),
    ({"past": []}, 422, "the key `past`"),
    ({"history": []}, 422, "an empty list as `history`"),
    ({"history": [7]}, 422, "a number as step 0 of `history`"),
    ({"history": [{"day": "2024-01-01", "sold": [1]}]}, 422, "no single value in `sold`"),
    ({"history": [{"day": "2024-01-01"}]}, 422, "lacks `sold` and `open` in `history`"),
    ({"history": [{"day": "soon", "sold": 1, "open": 1}]}, 422, "day"),
    ({"history": [{"day": "9999-01-01", "sold": 1, "open": 1}]}, 422, ""),
    ({"future": [{"day": "2024-03-21", "open": 1}]}, 422, "open"),
    ({}, 422, "future"),
]


@pytest.mark.parametrize(
    ("kind", "row", "status", "said"),
    [
        *(("pictures", *case) for case in ODD_PICTURES),
        *(("sounds", *case) for case in ODD_SOUNDS),
        *(("series", *case) for case in ODD_SERIES),
    ],
)
def test_what_is_wrong_with_a_row_is_one_sentence(kind, row, status, said, request):
    client = request.getfixturevalue(kind)[0]
    answer = client.post("/predict", json={"row": row})
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert said in told.get("error", "")
    assert "error" not in told or told["error"].endswith(".")


def test_files_and_lists_are_not_mixed(pictures):
    client, _, x = pictures
    answer = asked(client, [coded(png(x[0])), x[1].tolist()])
    assert answer.status_code == 422 and "requests of their own" in answer.json()["error"]


def test_the_page_takes_a_file(pictures):
    client, clf, x = pictures
    assert 'type="file"' in client.get("/").text
    told = client.post("/", files={"image": ("a.png", png(x[0]), "image/png")})
    assert told.status_code == 200 and f"<td>{clf.predict(x[:1])[0]}</td>" in told.text
    bad = client.post("/", files={"image": ("a.png", b"<script>", "image/png")})
    assert bad.status_code == 422 and "<script" not in bad.text


def test_the_page_takes_steps_in_csv(series):
    client, _, frame = series
    assert "<textarea" in client.get("/").text
    history = frame[:-7].to_csv(index=False)
    future = frame[-7:][["day", "open"]].to_csv(index=False)
    told = client.post("/", data={"history": history, "future": future})
    assert told.status_code == 200, told.text
    assert "<th>q0.5</th>" in told.text and "2024-03-14" in told.text


@pytest.mark.parametrize("kind", ["pictures", "sounds", "series"])
def test_the_schema_says_what_a_row_is(kind, request):
    told = request.getfixturevalue(kind)[0].get("/openapi.json").json()["components"]["schemas"]
    row = told["Row"]
    if kind == "series":
        assert set(row["properties"]) == {"history", "future"}
        assert told["Answer"]["required"] == ["forecast"]
        return
    assert row["oneOf"][0]["contentEncoding"] == "base64"
    if kind == "pictures":
        assert row["oneOf"][1]["minItems"] == 8


def test_several_inputs_are_refused_with_what_to_do_instead():
    photo = kn.ImageInput(name="photo")
    auto = kn.AutoModel(photo, kn.ClassificationHead()(kn.ImageBlock()(photo)))
    with pytest.raises(ArtifactError, match="takes models of one table, of texts, images"):
        create_app(auto)
