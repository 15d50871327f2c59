"""What a newcomer sees first: README's ten lines win on rows that no search has seen."""

import re
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
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("readme"))
        exec(code, found)
    return found


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
