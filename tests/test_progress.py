"""What a search shows: one line of at most 80 columns, plain lines elsewhere, a verdict."""

import io
import re
import sys
import types

import pytest

from kerasnas.clock import Clock
from kerasnas.history import TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.progress import WIDTH, Progress, Stage, cut
from kerasnas.results.honesty import Comparison
from kerasnas.results.verdict import verdict_of

LOSS = Objective("val_log_loss")


class Now:
    """A source of time that stands still until it is told."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def trial(number, loss, status="COMPLETED", **values):
    metrics = {} if loss is None else {"val_log_loss": loss}
    return TrialRecord(number, values, status=status, metrics=metrics, seconds=1.25)


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def progress(now, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    shown = Progress("auto", Clock(600.0, now=now), trials=20)
    shown.judge_by(LOSS, (), [])
    return shown


def test_the_line_has_bar_time_trial_metric_best_and_family(progress, now):
    progress("end", trial(3, 0.312149, family="lightgbm"), {})
    progress("end", trial(4, 0.5, family="mlp"), {})
    now.seconds = 300.0
    progress("start", trial(12, None, "RUNNING", family="mlp"), {})
    bar, left, stage, best = re.split(r" {2,}", progress.line())
    assert len(bar) == 12 and bar.count(bar[0]) == 6
    assert (left, stage) == ("5:00 left", "trial 0012")
    assert best == "best val_log_loss 0.3121 (0003 lightgbm)"


@pytest.mark.parametrize("width", [20, WIDTH])
def test_no_line_is_wider_than_the_terminal(progress, width):
    long = trial(3, 0.312149, family="a_family_with_quite_a_long_name" * 3)
    progress("end", long, {})
    progress("epoch", long, {"epoch": 12345})
    assert len(progress.line(width)) <= width
    assert len(progress.line(width)) > width - 4


def test_the_bar_follows_whatever_ends_the_search_sooner(progress):
    for number in range(15):
        progress("end", trial(number, 0.5), {})
    bar = progress.line().split("  ")[0]
    assert bar.count(bar[0]) == 9


def test_stages_have_names(progress):
    assert [str(stage) for stage in Stage] == [
        "reading",
        "baselines",
        "trials",
        "ensemble",
        "writing",
    ]
    progress.enter(Stage.ENSEMBLE)
    assert "ensemble" in progress.line()


def test_what_cannot_answer_is_not_the_best(now, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    shown = Progress("auto", Clock(None, now=now))
    shown.judge_by(LOSS, [Constraint("params", max=10)], [])
    shown("end", TrialRecord(0, {}, "COMPLETED", metrics={"val_log_loss": 0.1}), {})
    assert "best" not in shown.line() and "so far" in shown.line()


def test_trials_before_a_resume_count(now):
    shown = Progress(0, Clock(60.0, now=now))
    shown.judge_by(LOSS, (), [trial(0, 0.25, family="mlp")])
    assert "best val_log_loss 0.25 (0000 mlp)" in shown.line()


def test_a_log_has_a_line_for_each_stage_and_trial(now, capsys):
    with Progress("auto", Clock(60.0, now=now), 2) as shown:
        now.seconds = 1.5
        shown.enter(Stage.BASELINES)
        now.seconds = 2.0
        shown.judge_by(LOSS, (), [])
        shown("start", trial(0, None, "RUNNING"), {})
        shown("end", trial(0, 0.25, family="mlp"), {})
        failed = TrialRecord(1, {}, "FAILED", failure="ValueError: " + 90 * "x", seconds=0.5)
        shown("end", failed, {})
        shown.enter(Stage.ENSEMBLE)
        shown.detail("known only to who asks")
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["reading     1.5 s", "baselines   0.5 s"]
    assert lines[2] == "trial 0000  val_log_loss 0.25 *  1.2 s  0:58 left  mlp"
    assert lines[3].startswith("trial 0001  0.5 s") and lines[3].endswith(90 * "x")
    assert len(lines) == 4


def test_silence_is_silent(now, capsys):
    with Progress(0, Clock(60.0, now=now), 2) as shown:
        shown.enter(Stage.BASELINES)
        shown.say("nothing")
    assert capsys.readouterr() == ("", "")


def test_a_notebook_renews_one_output(now, monkeypatch):
    outputs = []

    class Handle:
        def update(self, content):
            outputs.append(content._repr_html_())

    def display(content, display_id):
        outputs.append(content._repr_html_())
        return Handle()

    module = types.ModuleType("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    with Progress("auto", Clock(60.0, now=now), 2) as shown:
        shown.judge_by(LOSS, (), [])
        shown("end", trial(0, 0.25, family="<b>"), {})
    assert "trials" in outputs[0]
    assert "0000 &lt;b&gt;" in outputs[1]
    assert outputs[-1] == ""


def test_what_is_cut_says_so():
    assert cut("abcdef", 5) == "ab..." and cut("abcde ", 5) == "abcde"


def row(trial_id, kind, loss, **more):
    return {
        "rank": 1,
        "trial_id": trial_id,
        "kind": kind,
        "status": "COMPLETED",
        "feasible": True,
        "hyperparameters": {},
        "val_log_loss": loss,
    } | more


ROWS = [
    row("ensemble", "ensemble", 0.2, hyperparameters={"members": {"0000": 0.5, "0001": 0.5}})
    | {"val_log_loss_held_out": 0.22},
    row("0000", "trial", 0.25, hyperparameters={"family": "mlp"}),
    row("0001", "trial", 0.26, hyperparameters={"family": "lightgbm"}),
    row("linear", "baseline", 0.3),
]


def test_the_verdict_is_three_sentences():
    said = str(verdict_of(ROWS, LOSS, "ensemble", Comparison("linear", 0.1, 0.02))).splitlines()
    assert said == [
        "Answer: ensemble of 2 trials (0000 mlp, 0001 lightgbm).",
        "Score:  val_log_loss 0.22 on held-out rows, baseline linear 0.3 (better by 0.1 ± 0.02); "
        "lower is better.",
        'Next:   save("model.keras") writes the model as one file.',
    ]


@pytest.mark.parametrize(
    ("gain", "words"), [(-0.1, "no better than the baseline"), (0.01, "may be chance")]
)
def test_the_verdict_says_where_a_baseline_is_as_good(gain, words):
    assert words in verdict_of(ROWS, LOSS, "0000", Comparison("linear", gain, 0.02)).advice


def test_the_verdict_names_the_baseline_of_the_comparison_where_another_one_is_better():
    verdict = verdict_of(ROWS, LOSS, "0000", Comparison("majority", 0.4, 0.02))
    assert "baseline linear 0.3 (better than majority by 0.4 ± 0.02)" in verdict.score
    level = [*ROWS[1:], row("dlinear", "baseline", 0.25)]
    verdict = verdict_of(level, LOSS, "0000", Comparison("majority", 0.4, 0.02))
    assert verdict.advice.startswith("no better than the baseline")


def test_the_verdict_says_where_the_score_was_the_choice():
    verdict = verdict_of(ROWS, LOSS, "")
    assert verdict.answers == "trial 0000 mlp."
    assert "0.25 on the rows that chose it" in verdict.score
    failed = [row(f"000{n}", "trial", None, status="FAILED", feasible=False) for n in (2, 3, 4)]
    assert "3 of 5 trials failed" in verdict_of([*ROWS, *failed], LOSS, "").advice
    assert verdict_of(failed, LOSS, "").answers == "nothing."
