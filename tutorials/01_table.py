# %% [markdown]
# # A table, from raw rows to a file in use
#
# The job: tell how many units of a product a shop will sell in a day. The table has what real
# tables have: numbers with gaps, categories (one of them written as numbers), dates, a column
# that is of no use. The target is a number, so this is a regression.

# %%
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

import kerasnas as kn

rng = np.random.default_rng(7)
rows = 1200
day = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 365, rows), "D")
table = pd.DataFrame(
    {
        "day": day,
        "shop": rng.choice([101, 102, 205], rows),
        "weather": rng.choice(["sun", "rain", "snow"], rows, p=[0.6, 0.3, 0.1]),
        "price": rng.normal(10, 2, rows).round(2),
        "currency": "EUR",
    }
)
weekend = (day.day_of_week >= 5).astype(float)
pull = table["shop"].map({101: 20.0, 102: 60.0, 205: 35.0})
sold = pull + 25 * weekend - 4 * (table["price"] - 10) - 15 * (table["weather"] == "snow")
table["sold"] = (sold + rng.normal(0, 4, rows)).clip(lower=0).round(1)
table.loc[rng.random(rows) < 0.1, "price"] = np.nan

# %% [markdown]
# The last fifth of the rows is kept away from everything below. The rows are in random order;
# with rows in the order of time, pass `validation_data=` with the latest rows, too.

# %%
seen, unseen = table.iloc[:960], table.iloc[960:]

# %% [markdown]
# `shop` holds numbers, but 205 is not "more" than 101. What a column means cannot always be told
# from its values: say so. `currency` is constant; the schema says that it is not used.
#
# The budget is tiny so that this script runs in seconds. For real work, write `budget="10min"`.

# %%
model = kn.TabularRegressor(
    budget=kn.Budget(trials=2, epochs=24), column_kinds={"shop": "categorical"}, seed=0, verbose=0
)
model.fit(seen, "sold")
print(model.schema_.explain().to_string())

# %% [markdown]
# Trials and baselines, scored on the same validation rows. `mean` answers the mean of the
# training targets; whatever does not beat it has learned nothing.

# %%
table_of_trials = model.leaderboard(full=True)
print(table_of_trials[["rank", "trial_id", "kind", "val_rmse", "val_r2", "params"]].to_string())

# %% [markdown]
# The validation rows have chosen the winner, so its score there flatters it. The rows that nobody
# has seen do not.

# %%
scores = model.evaluate(unseen.drop(columns="sold"), unseen["sold"])
print(scores)

# %% [markdown]
# One file. Plain Keras opens it; dates go in as whole seconds since 1970, categories as strings.

# %%
model.save("sold.keras")
plain = keras.models.load_model("sold.keras")
inputs = {
    "day": unseen["day"].to_numpy().astype("datetime64[s]").astype("int64"),
    "shop": unseen["shop"].astype(str).to_numpy(dtype=object),
    "weather": unseen["weather"].to_numpy(dtype=object),
    "price": unseen["price"].to_numpy("float32"),
}
inputs = {
    name: tf.constant(values[:, None], plain.input[name].dtype) for name, values in inputs.items()
}
answers = plain(inputs).numpy().ravel()

# %% [markdown]
# The same answers, and better ones than the mean and a linear model give.

# %%
np.testing.assert_allclose(answers, model.predict(unseen.drop(columns="sold")), rtol=1e-4)
spread = float(unseen["sold"].std())
print(f"RMSE on unseen rows {scores['rmse']:.2f}, standard deviation of the target {spread:.2f}")
assert scores["rmse"] < 0.6 * spread
