# %% [markdown]
# # Texts, from raw strings to a file in use
#
# The job: sort short messages to a shop into three kinds, whatever language they come in. Messages
# are made up here, so that this script needs no data; yours would be a column of a table.

# %%
import tempfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

import kerasnas as kn

PHRASES = {
    "delivery": ["where is my parcel", "¿dónde está mi paquete", "包裹在哪里", "Paket nicht da"],
    "refund": ["I want my money back", "quiero un reembolso", "我要退款", "Geld zurück bitte"],
    "praise": ["great service", "excelente servicio", "服务很好", "toller Service"],
}
rng = np.random.default_rng(3)


def message(kind):
    """A phrase in some language, as people write: capitals, marks, something around it."""
    phrase = str(rng.choice(PHRASES[kind]))
    if rng.random() < 0.3:
        phrase = phrase.upper()
    greeting = rng.choice(["Hello,", "Hola:", "你好", "Guten Tag", ""])
    return f"{greeting} {phrase}{rng.choice(['.', '!!', '?', ' 🙏'])} {rng.integers(10_000)}"


kinds = rng.choice(list(PHRASES), 400)
table = pd.DataFrame({"message": [message(kind) for kind in kinds], "kind": kinds})
table.loc[:2, "message"] = None  # a missing text is an empty text
seen, unseen = table[:320], table[320:]

# %% [markdown]
# Everything that turns a text into numbers is inside the model. Two trials are enough for a
# tutorial; give real data minutes, as in `budget="5min"`.

# %%
clf = kn.TextClassifier(
    space=("linear", "average"), budget=kn.Budget(trials=2, epochs=4), seed=0, verbose=0
)
clf.fit(seen["message"], seen["kind"])
print(clf.leaderboard(full=True)[["trial_id", "kind", "val_log_loss", "val_accuracy", "seconds"]])

# %% [markdown]
# The leaderboard has scikit-learn's TF-IDF with logistic regression in it (`tfidf_logistic`),
# fitted and scored on the same rows: what a search must beat to be worth its time.

# %%
scores = clf.evaluate(unseen["message"], unseen["kind"])
print({name: round(value, 3) for name, value in scores.items()})
print(clf.predict(["WHERE is my PARCEL", "wo ist mein Paket", "退款！"]))

# %% [markdown]
# One file, for anybody who has Keras. It takes strings of shape `(batch, 1)`.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "messages.keras"
    clf.save(path)
    model = keras.models.load_model(path)
texts = unseen["message"].tolist()
answers = model(tf.constant(texts)[:, None]).numpy()

# %%
assert np.allclose(answers, clf.predict_proba(texts), atol=1e-5)
assert scores["accuracy"] > 0.9
