"""What a newcomer sees first: README's ten lines win on rows that no search has seen."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What README's first block leaves behind."""
    code = re.search(r"## Ten lines\n\n```python\n(.*?)```", README, re.DOTALL)[1]
    found, said = {}, io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
        patch.chdir(tmp_path_factory.mktemp("readme"))
        exec(code, found)
    return {**found, "said": said.getvalue()}


SECONDS = 5  # the column of the leaderboard that every run has for itself


def words(printed):
    """The words of what was printed, without seconds; numbers as numbers."""
    found = []
    for line in printed.strip().splitlines():
        parts = re.split(r"  +|[\s,:]+(?![(])", line.strip(" {}[]"))
        if re.match(r"\d+  ", line):
            parts = re.split(r"  +", line)
            parts.pop(SECONDS)
        found += [float(part) if _is_number(part) else part for part in parts if part]
    return found


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_the_readme_shows_what_its_script_prints(names):
    shown = re.search(r"It prints:\n\n```\n(.*?)```", README, re.DOTALL)[1]
    expected, found = words(shown), words(names["said"])
    assert len(expected) == len(found)
    for one, other in zip(expected, found, strict=True):
        # Other processors add in another order.
        assert other == (pytest.approx(one, rel=0.02, abs=1e-3) if isinstance(one, float) else one)


def test_the_answer_is_better_than_every_simple_model(names):
    x, y, x_new, y_new = (names[k] for k in ("x", "y", "x_new", "y_new"))
    simple = [
        make_pipeline(StandardScaler(), LogisticRegression()),
        RandomForestClassifier(random_state=0),
        HistGradientBoostingClassifier(random_state=0),
    ]
    own = names["clf"].evaluate(x_new, y_new)["log_loss"]
    for model in simple:
        assert own < log_loss(y_new, model.fit(x, y).predict_proba(x_new)), model


def test_a_linear_model_that_answers_promises_its_own_score(names):
    """Nothing chose it: whether it is the best trial too, or an ensemble is, says nothing of it."""
    table = names["clf"].leaderboard(full=True)
    (row,) = table[table["answers"]].to_dict("records")
    assert row["hyperparameters"]["family"] == "linear"
    assert row["val_log_loss_held_out"] == row["val_log_loss"]
