"""Reports: whole, small, without scripts, and harmless whatever the user's data are called."""

import json
import re
import subprocess
import warnings
from html.parser import HTMLParser
from shutil import which

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.cli import main
from kerasnas.errors import ArtifactError
from kerasnas.report.drawing import Line, bars, chart, histogram
from kerasnas.report.examples import cell, thumbnail
from kerasnas.report.facts import facts_of
from kerasnas.report.markup import Markup, escaped_text, tag
from kerasnas.report.model_card import model_card
from kerasnas.report.page import page
from kerasnas.results.examination import Examination, examined

HOSTILE = '"><script>alert(1)</script><img src=x onerror="alert(2)">'
NAMED = "<b onmouseover=alert(3)>yes</b>"
VOID = {"meta", "line", "rect", "circle", "polyline", "br"}
KNOWN = set(
    re.findall(
        r"\w+",
        "html head meta title style body main section h1 h2 p b a nav span div code table thead "
        "tbody tr th td details summary figure figcaption svg text line rect circle polyline pre "
        "small",
    )
)


class Reader(HTMLParser):
    """Collects elements, attributes and text, and says which elements are left open."""

    def __init__(self, content):
        super().__init__()
        self.names, self.attributes, self.open, self.told = set(), set(), [], []
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.told.append(data)

    @property
    def text(self):
        return "".join(self.told)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {HOSTILE: rng.normal(size=300), "noise": rng.normal(size=300), "same": np.ones(300)}
    )
    return frame, np.where(frame[HOSTILE] + rng.normal(0, 0.5, 300) > 0, NAMED, "no")


@pytest.fixture(scope="module")
def fitted(table, tmp_path_factory):
    directory = tmp_path_factory.mktemp("search")
    estimator = kn.TabularClassifier(
        budget=kn.Budget(trials=2, epochs=6),
        space=("linear", "mlp"),
        folds=False,
        seed=0,
        verbose=0,
        directory=directory,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that `same` is not used
        return estimator.fit(*table)


@pytest.fixture(scope="module")
def written(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    for name in ("report.html", "report.json", "report.md"):
        fitted.report(folder / name)
    fitted.save(folder / "model.keras")
    return folder


def test_the_page_is_small_whole_and_needs_nothing_else(written):
    content = (written / "report.html").read_text(encoding="utf-8")
    assert len(content) < 2_000_000
    found = Reader(content)
    assert not found.open
    assert not {"src", "srcset", "action"} & found.attributes
    assert not re.search(r"https?:|url\(", content)
    for title in ("What was asked", "How sure we are", "Cost and speed", "How to use the file"):
        assert title in found.text


def test_names_of_the_user_do_nothing(written):
    found = Reader((written / "report.html").read_text(encoding="utf-8"))
    assert found.names <= KNOWN
    assert not {name for name in found.attributes if name.startswith("on")}
    assert HOSTILE in found.text and NAMED in found.text
    card = (written / "report.md").read_text(encoding="utf-8")
    assert "<script" not in card and "<b " not in card


def test_the_twin_says_the_same(written, fitted):
    facts = json.loads((written / "report.json").read_text())
    assert facts["verdict"] == list(vars(fitted.fitted_.verdict).values())
    assert [line["trial_id"] for line in facts["leaderboard"]] == [
        row["trial_id"] for row in fitted.fitted_.rows
    ]
    assert facts["data"]["classes"] == [NAMED, "no"]
    assert [row["name"] for row in facts["data"]["columns"] if row["look_at"]] == ["same"]
    assert facts["importance"]["columns"][0][0] == HOSTILE
    assert facts["examination"]["rows"] == 60
    assert sum(map(sum, facts["examination"]["confusion"])) == 60
    assert page(facts) == (written / "report.html").read_text(encoding="utf-8")


def test_the_worst_mistakes_and_dependence_are_those_of_the_model(fitted, table, written):
    facts = json.loads((written / "report.json").read_text())
    rows = facts["mistakes"]["rows"]
    assert 0 < len(rows) <= 8
    frame, labels = table
    said = fitted.predict_proba(frame.iloc[[row["row"] for row in rows]])
    truth = [list(fitted.classes_).index(row["truth"]) for row in rows]
    assert (np.diff(said[np.arange(len(rows)), truth]) >= -1e-6).all()  # the worst comes first
    for row in rows:
        assert row["truth"] == labels[row["row"]] != row["answer"]
        assert row[HOSTILE] == pytest.approx(frame[HOSTILE][row["row"]], rel=1e-6)
    first, *_ = facts["dependence"]["columns"]
    assert first["name"] == HOSTILE and facts["dependence"]["answer"] == "probability of no"
    means = [mean for _, mean in first["points"]]
    assert means[0] > 0.8 > 0.2 > means[-1]  # `no` is what a small value says


def test_single_rows_are_left_out_where_nobody_wants_them(fitted, tmp_path):
    fitted.report(tmp_path / "report.json", examples=False)
    assert "rows" not in json.loads((tmp_path / "report.json").read_text())["mistakes"]


def test_only_a_picture_becomes_an_image():
    assert "<img" in cell("data:image/png;base64,iVBORw0KGgo=")
    for text in (
        'data:image/png;base64,x" onerror=alert(1)',
        "http://localhost/y.png",
        "javascript:x",
    ):
        assert "<img" not in str(escaped_text(cell(text)))


BROWSER = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = (1280, 390)
MEASURING = """<!doctype html><body>{frames}<script>
onload = () => {{
  const found = [...document.querySelectorAll("iframe")].map((frame) => {{
    const page = frame.contentDocument, window = frame.contentWindow;
    const images = [...page.images].map((image) => image.naturalWidth > 0);
    const asked = window.performance.getEntriesByType("resource").map((entry) => entry.name);
    return {{
      width: page.documentElement.clientWidth,
      needed: page.documentElement.scrollWidth,
      images,
      asked: asked.filter((name) => !name.startsWith("data:")),
    }};
  }});
  document.body.textContent = "found" + JSON.stringify(found) + "found";
}};
</script></body>"""


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")
def test_a_browser_shows_the_page_whole_at_two_widths(written, tmp_path):
    """Nothing sticks out at the side, nothing is asked for, nothing is complained of."""
    facts = json.loads((written / "report.json").read_text())
    picture = thumbnail(np.arange(192.0).reshape(8, 8, 3), 0.0, 191.0)
    shown = {"row": 1, "truth": "cat", "answer": "dog", "share": 0.9, "image": picture}
    facts["mistakes"] = {"rows": [shown]}
    (tmp_path / "report.html").write_text(page(facts), encoding="utf-8")
    frames = "".join(
        f'<iframe src="report.html" width="{w}" height="900"></iframe>' for w in WIDTHS
    )
    (tmp_path / "measuring.html").write_text(MEASURING.format(frames=frames), encoding="utf-8")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-web-security"]
    flags += ["--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"]
    done = subprocess.run(
        [
            BROWSER,
            *flags,
            f"--user-data-dir={tmp_path / 'profile'}",
            (tmp_path / "measuring.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    found = json.loads(done.stdout.split("found")[1])
    assert ":CONSOLE" not in done.stderr
    for width, told in zip(WIDTHS, found, strict=True):
        assert abs(told["width"] - width) <= 20  # the scroll bar
        assert told["needed"] <= told["width"]
        assert told["images"] == [True] and told["asked"] == []


def test_the_card_has_the_front_matter_of_hugging_face(written):
    lines = (written / "report.md").read_text(encoding="utf-8").splitlines()
    end = lines.index("---", 1)
    assert lines[0] == "---" and lines[1] == "library_name: keras"
    assert "pipeline_tag: tabular-classification" in lines[:end]


def test_a_file_that_is_no_report_is_never_replaced(fitted, written, tmp_path):
    for name in ("report.html", "report.json", "README.md"):
        mine = tmp_path / name
        mine.write_text("mine")
        with pytest.raises(ArtifactError, match="no report of kerasnas"):
            fitted.report(mine)
        assert mine.read_text() == "mine"
    again = tmp_path / "again.html"
    again.write_bytes((written / "report.html").read_bytes())
    fitted.report(again)
    with pytest.raises(ArtifactError, match=r"\.html"):
        fitted.report(tmp_path / "report.pdf")


def untimed(facts):
    """Facts without the latency, which each report measures for itself."""
    if isinstance(facts, list):
        return [untimed(fact) for fact in facts]
    if isinstance(facts, dict):
        return {k: untimed(v) for k, v in facts.items() if not k.startswith("latency")}
    return facts


def test_a_file_is_reported_as_the_estimator_is(written, tmp_path, capsys):
    out = tmp_path / "loaded.json"
    assert main(["report", str(written / "model.keras"), "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    before = json.loads((written / "report.json").read_text())
    after = json.loads(out.read_text())
    for part in ("verdict", "leaderboard", "examination", "sureness", "winner"):
        assert untimed(after[part]) == untimed(before[part])
    assert "feature_importance(X, y)" in after["importance"]["note"]


def test_a_directory_is_reported_and_left_as_it_is(fitted, tmp_path, capsys):
    journal = fitted.directory / "journal.jsonl"
    before, out = journal.read_bytes(), tmp_path / "search.html"
    assert main(["report", str(fitted.directory), "--out", str(out)]) == 0
    assert journal.read_bytes() == before
    found = Reader(out.read_text(encoding="utf-8"))
    assert "0001" in found.text and not found.open
    assert main(["report", str(tmp_path), "--out", str(out)]) == 2
    assert "no search of kerasnas" in capsys.readouterr().err


def test_every_text_is_escaped():
    assert escaped_text("<a&\"'>") == "&lt;a&amp;&quot;&#x27;&gt;"
    assert escaped_text(Markup("<b>")) == "<b>"
    assert escaped_text("a\x00\ud800b") == "a��b"
    assert len(escaped_text("x" * 5000)) == 301
    assert tag("p", "<", class_='"') == '<p class="&quot;">&lt;</p>'


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_pictures_of_any_number_of_points_are_whole(count):
    points = [(float(n), 1.0) for n in range(count)]
    drawn = [
        chart([Line(HOSTILE, points)], HOSTILE, "y", title=HOSTILE),
        bars([(HOSTILE, 1.0, 0.1)] * count, "x", title="t"),
        histogram([(n, n + 1.0, 3.0) for n in range(count)], "x", title="t"),
    ]
    for picture in drawn:
        found = Reader(picture)
        assert not found.open and found.names <= KNOWN
        assert bool(picture) == bool(count)
        assert "nan" not in picture and "inf" not in picture


def test_the_examination_of_values():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    from kerasnas.problem import Scorer

    found = examined(truth[:, None] + rng.normal(0, 0.1, (200, 1)), Scorer(truth))
    assert sum(row[2] for row in found.residuals) == 200
    assert sum(row[4] for row in found.bands) == 200 and len(found.bands) == 10
    assert Examination.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert examined(np.full((200, 1), np.nan), Scorer(truth)) == Examination()


def test_the_examination_of_two_classes():
    from sklearn.metrics import auc, roc_curve

    from kerasnas.problem import Scorer

    rng = np.random.default_rng(0)
    p = rng.random(500)
    truth = (rng.random(500) < p).astype(int)
    answers = np.stack([1 - p, p], axis=1)
    found = examined(answers, Scorer(truth, 2), threshold=0.3)
    assert found.confusion[0][1] == ((p >= 0.3) & (truth == 0)).sum()
    points = np.array(found.roc)
    expected = auc(*roc_curve(truth, p)[:2])
    assert auc(points[:, 0], points[:, 1]) == pytest.approx(expected, abs=0.005)
    assert sum(row[2] for row in found.reliability) == 500


def test_a_page_of_next_to_nothing(fitted):
    from kerasnas.report.facts import search_facts
    from kerasnas.results.verdict import verdict_of

    objective = fitted.fitted_.objectives[0]
    facts = search_facts([], objective, verdict_of([], objective, ""), "")
    assert not Reader(page(facts)).open
    assert model_card(facts).startswith("---\n")


def test_a_forecaster_shows_how_its_series_go_on():
    day, steps = pd.date_range("2024-01-01", periods=60), np.arange(60)
    frame = pd.DataFrame({"day": day, NAMED: 50 + 8 * np.sin(steps * 2 * np.pi / 7)})
    quick = {"budget": kn.Budget(trials=1), "space": "naive", "ensemble": False, "seed": 0}
    forecaster = kn.TimeSeriesForecaster(7, NAMED, time="day", verbose=0, **quick).fit(frame)
    facts = facts_of(forecaster.fitted_, {})
    (shown,) = facts["forecast"]
    np.testing.assert_allclose(shown["ahead"], forecaster.predict()[NAMED], rtol=1e-6)
    assert shown["past"][-1] == pytest.approx(frame[NAMED].iloc[-1])
    found = Reader(page(facts))
    assert "The next forecast" in found.text and "The worst mistakes" in found.text
    assert found.names <= KNOWN


def test_a_budget_is_told_in_words(written):
    facts = json.loads((written / "report.json").read_text())
    assert facts["asked"]["arguments"]["budget"] == "2 trials, at most 6 epochs a trial"
