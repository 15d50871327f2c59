# %% [markdown]
# # Networks for tables
#
# RealMLP and TabM are the networks that can stand beside boosted trees. Here they are searched
# directly, over a feature matrix of our own making, beside a linear model for comparison.

# %%
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.linear_model import Ridge

import kerasnas as kn

x, y = make_friedman1(600, n_features=8, noise=0.5, random_state=0)
x = (x - x[:400].mean(axis=0)) / x[:400].std(axis=0)
y = (y - y[:400].mean()) / y[:400].std()
x, y = x.astype("float32"), y.astype("float32")

# %% [markdown]
# The space is an ordinary `keras_tuner.HyperModel`. `sample` shows it training rows, from which it
# takes the bins of embeddings and the initial weights. Known-good configurations come first, and
# before these what `initial` names: here both families as they were published.

# %%
space = kn.spaces.tabular(
    x.shape[1], classes=None, sample=x[:400], rows=400, families=("realmlp", "tabm")
)
result = kn.search(
    space,
    x[:400],
    y[:400],
    validation_data=(x[400:500], y[400:500]),
    initial=[{"family": "realmlp"}, {"family": "tabm"}],
    budget=kn.Budget(trials=3, epochs=16),
    seed=0,
    verbose=0,
)
print(result.leaderboard(full=True)[["rank", "val_loss", "params", "size_bytes"]])

# %% [markdown]
# Rows that nobody has looked at yet. Three of the eight columns mean nothing, two others act only
# together, one as a square: a line misses most of that.

# %%
model = result.best_model()
new, truth = x[500:], y[500:]
error = float(np.sqrt(np.mean((model.predict(new, verbose=0)[:, 0] - truth) ** 2)))
line = Ridge().fit(x[:500], y[:500])
by_line = float(np.sqrt(np.mean((line.predict(new) - truth) ** 2)))
print(f"Network {error:.3f}, line {by_line:.3f} (standard deviations of the target)")

assert error < 0.8 * by_line
