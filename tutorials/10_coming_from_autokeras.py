# %% [markdown]
# # Coming from AutoKeras
#
# The two ways of working in AutoKeras, a task in one line and a graph with open ends, written for
# kerasnas. `docs/coming-from-autokeras.md` has the table of names.

# %%
import keras
import numpy as np
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

import kerasnas as kn

data = load_wine(as_frame=True)
frame = data.data.rename(columns=lambda name: name.replace("/", "_"))
kind = data.target.map(dict(enumerate(["barolo", "grignolino", "barbera"])))
train, test, y_train, y_test = train_test_split(
    frame, kind, test_size=0.25, stratify=kind, random_state=0
)

# %% [markdown]
# AutoKeras: `ak.StructuredDataClassifier(max_trials=2)` and `fit(x, y, epochs=8)`, with arrays of
# numbers. Here a DataFrame and its labels will do. AutoKeras scores on a fifth of the rows, and so
# does `folds=False`; without it so small a table is scored on folds, which takes longer.

# %%
clf = kn.TabularClassifier(budget=kn.Budget(trials=2, epochs=8), folds=False, seed=0, verbose=0)
clf.fit(train, y_train)
print(
    clf.leaderboard(full=True)[
        ["rank", "trial_id", "kind", "val_log_loss", "val_accuracy"]
    ].to_string()
)
print(clf.predict(test.head(3)), clf.classes_)

# %% [markdown]
# AutoKeras: `export_model()`, then `load_model` with `custom_objects`, and the labels are lost.
# Here one file holds everything: plain Keras loads it, and `kn.load` gives back the classifier.

# %%
clf.save("wine.keras")
model = keras.models.load_model("wine.keras")
inputs = {name: test[name].to_numpy("float32")[:, None] for name in test}
probabilities = np.asarray(model(inputs))
assert np.allclose(probabilities, clf.predict_proba(test), atol=1e-5)
assert (kn.load("wine.keras").predict(test) == clf.predict(test)).all()

# %% [markdown]
# AutoKeras: `ak.AutoModel(inputs=[ak.StructuredDataInput()], outputs=[…])`. The graph is written in
# the same way. What is left open is searched; what is given, such as the units, is not.

# %%
table = kn.TabularInput(name="table")
x = kn.TabularBlock()(table)
x = kn.DenseBlock(units=32, layers=1)(x)
auto = kn.AutoModel(
    inputs=[table],
    outputs={
        "kind": kn.ClassificationHead()(x),
        "colour": kn.RegressionHead()(x),
    },
    budget=kn.Budget(trials=1, epochs=20),
    seed=0,
    verbose=0,
)
columns = frame.columns.drop("color_intensity")
auto.fit({"table": train[columns]}, {"kind": y_train, "colour": train["color_intensity"]})
answers = auto.predict({"table": test[columns]})
print(pd.Series(answers["kind"]).value_counts().to_dict(), np.round(answers["colour"][:3], 1))

# %% [markdown]
# AutoKeras trains once more on all rows at the end and predicts with another model. Here
# `refit=True` asks for that. Only trees and linear models in the ensemble of a large table answer
# together with twins that were fitted on all rows; `folds=False` leaves the twins out.

# %%
right = float(np.mean(np.asarray(clf.predict(test)) == y_test.to_numpy()))
print(f"{right:.2f} of the wines set aside are named right")
assert right > 0.85
