# %% [markdown]
# # Several models in one file, and how sure they are
#
# A bank wants to know who will pay back late. Boosted trees, a forest, a network and a linear model
# each see something else in a small table. Together they are better, and they fit into one file.

# %%
import keras
import numpy as np
import pandas as pd

import kerasnas as kn

rng = np.random.default_rng(3)
rows = 1500
table = pd.DataFrame(
    {
        "income": rng.lognormal(7.6, 0.5, rows).round(),
        "age": rng.integers(18, 80, rows).astype(float),
        "job": rng.choice(["clerk", "nurse", "none", "teacher"], rows, p=[0.4, 0.2, 0.1, 0.3]),
        "debts": rng.poisson(1.2, rows).astype(float),
    }
)
risk = (
    -1.2
    + 0.9 * (table["debts"] > 2)
    - 1.5 * np.log(table["income"] / 2000)
    + 1.1 * (table["job"] == "none")
    + 0.02 * (40 - table["age"]).abs()
)
table["late"] = np.where(rng.random(rows) < 1 / (1 + np.exp(-risk)), "yes", "no")
table.loc[rng.random(rows) < 0.08, "income"] = np.nan
seen, unseen = table.iloc[:1100], table.iloc[1100:]

# %% [markdown]
# The budget is tiny so that this runs in seconds; for real work write `budget="10min"` and leave
# `space` out. `intervals=0.9` sets rows apart for what comes at the end.

# %%
model = kn.TabularClassifier(
    budget=kn.Budget(trials=4, epochs=8),
    space=("histgb", "linear", "extra_trees", "mlp"),
    intervals=0.9,
    seed=0,
    verbose=0,
)
model.fit(seen, "late")
board = model.leaderboard(full=True)
print(board[["trial_id", "kind", "val_log_loss", "optimism", "latency_ms"]].to_string())

# %% [markdown]
# The row `ensemble` is the fused graph. `optimism` tells how much of its score is owed to having
# been chosen on the rows that it is scored on. Its members and their weights:

# %%
ensemble = board[board["kind"] == "ensemble"]
print(ensemble["hyperparameters"].tolist())

# %% [markdown]
# On rows that nothing above has seen:

# %%
scores = model.evaluate(unseen.drop(columns="late"), unseen["late"])
print(scores)

# %% [markdown]
# Sometimes one label is not an honest answer. `predict_set` names the labels among which the true
# one is nine times out of ten; where the model is sure, that is one label.

# %%
sets = model.predict_set(unseen.drop(columns="late"))
covered = np.mean([truth in found for truth, found in zip(unseen["late"], sets, strict=True)])
single = np.mean([len(found) == 1 for found in sets])
print(f"{covered:.0%} covered, {single:.0%} with one label")

# %% [markdown]
# One file, which plain Keras reads: trees are layers like any other.

# %%
model.save("late.keras")
plain = keras.models.load_model("late.keras")
one = {
    name: keras.ops.convert_to_tensor([[value]], dtype=plain.input[name].dtype)
    for name, value in {"income": 1500.0, "age": 33.0, "job": "nurse", "debts": 4.0}.items()
}
print({name: np.asarray(answer).tolist() for name, answer in plain(one).items()})

# %% [markdown]
# Where even that is too large, `distil` trains one small network that answers as the ensemble does,
# and says what it gives up.

# %%
small = model.distil(seconds=8)
lesson = small.leaderboard(full=True).set_index("trial_id").loc["distilled"]
print(lesson[["val_log_loss", "val_log_loss_teacher", "size_bytes", "latency_ms"]])
small.save("late_small.keras")

# %%
assert lesson["val_log_loss"] < lesson["val_log_loss_teacher"] + 0.2
assert scores["auc"] > 0.6
assert 0.82 < covered <= 1.0
