# %% [markdown]
# # Your own `build(hp)`
#
# `kerasnas.search` takes a function written for keras-tuner as it is. This one chooses between a
# dense and a convolutional network for scikit-learn's 8 x 8 digits. What only one of them has is
# declared in a conditional scope, so that no trial is spent on values that change nothing.

# %%
import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasnas as kn


def build(hp):
    image = keras.Input((8, 8, 1))
    x = keras.layers.Rescaling(1 / 16)(image)
    kind = hp.Choice("kind", ["dense", "conv"])
    with hp.conditional_scope("kind", ["dense"]):
        if kind == "dense":
            x = keras.layers.Flatten()(x)
            x = keras.layers.Dense(hp.Int("units", 32, 128, step=32), activation="relu")(x)
    with hp.conditional_scope("kind", ["conv"]):
        if kind == "conv":
            filters = hp.Int("filters", 8, 32, step=8)
            x = keras.layers.Conv2D(filters, 3, activation="relu")(x)
            x = keras.layers.Conv2D(2 * filters, 3, activation="relu")(x)
            x = keras.layers.GlobalMaxPooling2D()(x)
    x = keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5, step=0.1))(x)
    model = keras.Model(image, keras.layers.Dense(10, activation="softmax")(x))
    rate = hp.Float("learning_rate", 1e-3, 1e-2, sampling="log")
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model


# %% [markdown]
# A quarter of the digits is set aside. `search` holds out a fifth of the others, at random and
# stratified, as it was given no `validation_data`.

# %%
images, digits = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8, 1).astype("float32")
x, x_new, y, y_new = train_test_split(
    images, digits, test_size=0.25, stratify=digits, random_state=0
)

# %% [markdown]
# Four trials of eight epochs, to be quick. The first configuration is ours: `initial` is tried
# before anything else.

# %%
result = kn.search(
    build,
    x,
    y,
    objective="val_accuracy",
    oracle="bayesian",
    budget=kn.Budget(trials=4, epochs=8),
    batch_size=32,
    initial=[{"kind": "conv", "filters": 16}],
    seed=0,
    verbose=0,
)
columns = ["rank", "trial_id", "status", "val_accuracy", "params", "size_bytes", "seconds"]
print(result.leaderboard(full=True)[columns].to_string())

# %% [markdown]
# Only what a trial used is among its values.

# %%
for values in result.leaderboard(full=True)["hyperparameters"]:
    print(values)
    assert ("units" in values) == (values["kind"] == "dense")
    assert ("filters" in values) == (values["kind"] == "conv")

# %% [markdown]
# The best model is read from the file that its trial wrote: `build` is not called again. Its
# score on the digits set aside is the one to report.

# %%
model = result.best_model()
right = (model.predict(x_new, verbose=0).argmax(axis=1) == y_new).mean()
print(f"{right:.3f} of the digits set aside are read right, with {result.best_hyperparameters}")
model.save("digits.keras")
assert right > 0.85
