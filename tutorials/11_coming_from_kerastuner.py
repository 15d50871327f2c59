# %% [markdown]
# # Coming from KerasTuner
#
# A hypermodel with its own `fit`, as KerasTuner's guide has it, searched first by KerasTuner and
# then by kerasnas, without a change. `docs/coming-from-kerastuner.md` has the table of names.

# %%
import tempfile

import keras
import keras_tuner
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasnas as kn

images, digits = load_digits(return_X_y=True)
images = (images / 16).astype("float32")
x, x_new, y, y_new = train_test_split(
    images, digits, test_size=0.25, stratify=digits, random_state=0
)


class Digits(keras_tuner.HyperModel):
    def build(self, hp):
        inputs = keras.Input((64,))
        hidden = inputs
        for i in range(hp.Int("layers", 1, 2)):
            hidden = keras.layers.Dense(hp.Int(f"units_{i}", 32, 96, step=32), "relu")(hidden)
        model = keras.Model(inputs, keras.layers.Dense(10, "softmax")(hidden))
        rate = hp.Float("lr", 1e-3, 1e-2, sampling="log")
        loss = "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [32, 64]), **kwargs)


# %% [markdown]
# KerasTuner's way.

# %%
folder = tempfile.mkdtemp()
tuner = keras_tuner.RandomSearch(
    Digits(), objective="val_accuracy", max_trials=2, seed=1, directory=folder, project_name="old"
)
tuner.search(x[:1000], y[:1000], validation_data=(x[1000:], y[1000:]), epochs=3, verbose=0)

# %% [markdown]
# What it found, as a kerasnas result: a table with failures and reasons, and the best model. This
# also works for a project of last week; make the tuner again with `overwrite=False`.

# %%
old = kn.SearchResult.from_tuner(tuner)
print(old.leaderboard(full=True)[["rank", "status", "val_accuracy", "hyperparameters"]].to_string())

# %% [markdown]
# The same hypermodel in `kn.search`. What was best before is tried first, but for `batch_size`:
# what only `fit` declares is not known before a first training. BOHB (Bayesian optimisation with
# Hyperband) then gives many configurations a few epochs and the best of them more.

# %%
before = {name: value for name, value in old.best_hyperparameters.items() if name != "batch_size"}
result = kn.search(
    Digits(),
    x,
    y,
    objective="val_accuracy",
    oracle="bohb",
    initial=[before],
    budget=kn.Budget(trials=4, epochs=9),
    seed=0,
    verbose=0,
)
columns = ["rank", "status", "val_accuracy", "params", "epochs", "hyperparameters"]
print(result.leaderboard(full=True)[columns].to_string())

# %% [markdown]
# And the other way round: a strategy of kerasnas in a stock tuner.

# %%
stock = keras_tuner.Tuner(
    oracle=kn.oracles.Evolution(objective="val_accuracy", max_trials=2, seed=0),
    hypermodel=Digits(),
    directory=folder,
    project_name="new",
)
stock.search(x[:1000], y[:1000], validation_data=(x[1000:], y[1000:]), epochs=1, verbose=0)

# %%
model = result.best_model()
right = float((np.asarray(model(x_new)).argmax(axis=1) == y_new).mean())
print(f"{right:.3f} of the digits set aside are read right")
assert right > 0.85
