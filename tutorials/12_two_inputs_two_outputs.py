# %% [markdown]
# # Two inputs, two outputs
#
# A house has facts in a table and a day of readings from a sensor. Two questions at once: what is
# its price, and does it need repair? `AutoModel` takes both inputs and gives both answers, from one
# network that you compose and kerasnas searches.

# %%
import keras
import numpy as np
import pandas as pd

import kerasnas as kn

rng = np.random.default_rng(0)
rows = 400
facts = pd.DataFrame(
    {
        "area": rng.uniform(40, 250, rows),
        "district": rng.choice(["harbour", "hill", "station"], rows),
        "built": pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 27_000, rows), "D"),
    }
)
damp = rng.gamma(2.0, 1.0, rows)
readings = damp[:, None] + rng.normal(0, 0.5, (rows, 24))
price = 1000 * facts["area"] * (1.3 - 0.1 * damp) + 40_000 * (facts["district"] == "harbour")
repair = np.where(damp + rng.normal(0, 0.3, rows) > 2.2, "yes", "no")

# %% [markdown]
# ## Compose
#
# Inputs have names; blocks and heads are called on them like Keras layers. `DenseBlock(layers=1)`
# settles one hyperparameter and leaves the others to the search.

# %%
house, sensor = kn.TabularInput(name="house"), kn.TensorInput(name="sensor")
features = kn.Merge()([kn.TabularBlock()(house), kn.DenseBlock(layers=1)(sensor)])
auto = kn.AutoModel(
    inputs=[house, sensor],
    outputs={
        "price": kn.RegressionHead()(features),
        "repair": kn.ClassificationHead(loss_weight=0.5)(features),
    },
    budget=kn.Budget(trials=3, epochs=30),
    seed=0,
    verbose=0,
)

# %% [markdown]
# ## Fit
#
# Data go in by the names of inputs and outputs. Every head has its own scores in the leaderboard;
# `val_loss` adds the heads' losses with the weights given above.

# %%
train, test = slice(0, 320), slice(320, rows)
history = auto.fit(
    {"house": facts[train], "sensor": readings[train]},
    {"price": price[train], "repair": repair[train]},
)
shown = ["trial_id", "kind", "val_loss", "val_price_rmse", "val_repair_accuracy"]
print(auto.leaderboard(full=True)[shown].to_string(index=False))

# %% [markdown]
# ## Use
#
# Answers come back by output, in the units and labels of the targets.

# %%
new = {"house": facts[test], "sensor": readings[test]}
answers = auto.predict(new)
print(answers["price"][:3].round(), answers["repair"][:3])
print(auto.evaluate(new, {"price": price[test], "repair": repair[test]}))

# %% [markdown]
# ## One file
#
# The file takes raw columns and readings, as one flat dict, and needs no kerasnas.

# %%
auto.save("house.keras")
plain = keras.models.load_model("house.keras")
print(sorted(plain.input))

again = kn.load("house.keras")
same = np.array_equal(again.predict(new)["price"], answers["price"])
constant = float(np.sqrt(np.mean((price[test] - price[train].mean()) ** 2)))
error = auto.evaluate(new, {"price": price[test], "repair": repair[test]})["price_rmse"]

assert same and error < 0.7 * constant
