"""Draws `search_history.png`: a real search of a minute, trial by trial.

Run from any folder: `python docs/images/search_history.py`. Needs the extra `plots`.
"""

import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

import kerasnas as kn

SECONDS = 60
METRIC = "val_log_loss"

x, y = load_digits(return_X_y=True)
with tempfile.TemporaryDirectory() as folder:
    search = kn.TabularClassifier(budget=SECONDS, directory=folder, seed=0).fit(x, y)
    lines = (Path(folder) / "journal.jsonl").read_text(encoding="utf-8").splitlines()
events = [json.loads(line) for line in lines]
trials = [e for e in events if e["event"] == "finished" and e["status"] == "COMPLETED"]
times = [e["spent"] for e in trials]
losses = [e["metrics"][METRIC] for e in trials]
best = [min(losses[: i + 1]) for i in range(len(losses))]

plt.rcParams["font.size"] = 10
figure, axes = plt.subplots(figsize=(6.4, 3.8), dpi=150, layout="constrained")
axes.scatter(times, losses, s=22, color="#8a8a8a", label="one trial", zorder=3)
axes.step([*times, SECONDS], [*best, best[-1]], where="post", color="#c4352b", label="best so far")
table = search.leaderboard(full=True)
for style, name, label in [
    ("--", "linear", "logistic regression"),
    (":", "hist_gradient_boosting", "histogram gradient boosting"),
]:
    row = table[table["trial_id"] == name]
    if len(row) and row[METRIC].notna().all():
        axes.axhline(row[METRIC].item(), color="#31688e", linestyle=style, label=label)
axes.set_yscale("log")
axes.set_xlim(0, SECONDS)
axes.set_xlabel("seconds since the start of fit")
axes.set_ylabel("validation log-loss (lower is better)")
axes.set_title(f"digits as a table: {len(x)} rows, {x.shape[1]} columns, 10 classes", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="upper left")
figure.savefig(Path(__file__).with_suffix(".png"))
print(table.drop(columns=["hyperparameters", "failure"]).to_string())
