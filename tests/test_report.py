"""Reports: whole, small, without scripts, and harmless whatever the user's data are called."""

import json
import re
import warnings
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.cli import main
from kerasnas.errors import ArtifactError
from kerasnas.report.drawing import Line, bars, chart, histogram
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
