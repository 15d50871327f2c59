# %% [markdown]
# # Accuracy against size
#
# How small can a model be? Two objectives and a limit answer that in one search: every model within
# the limit that no other one beats in both is on the Pareto front.

# %%
import matplotlib

matplotlib.use("Agg")

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasnas as kn

digits = load_digits()
images, new_images, labels, new_labels = train_test_split(
    digits.images.astype("uint8"),
    digits.target,
    test_size=0.25,
    stratify=digits.target,
    random_state=0,
)

# %% [markdown]
# The number of parameters is known without training, so that configurations beyond the limit cost
# no trial. Four trials of a few epochs, to be quick; a real search gets minutes.

# %%
clf = kn.ImageClassifier(
    objective=["val_accuracy", kn.Objective("params", "min")],
    constraints=[kn.Constraint("params", max=20_000)],
    budget=kn.Budget(trials=4, epochs=10),
    space="conv",
    initial=[
        {"conv_width": 12, "conv_blocks": 0},
        {"conv_width": 4, "conv_blocks": 0},
        {"conv_width": 8, "conv_blocks": 0},
    ],
    ensemble=False,
    seed=0,
    verbose=0,
)
clf.fit(images, labels)
front = clf.pareto_front().sort_values("params")
print(front[["trial_id", "val_accuracy", "params", "size_bytes"]].to_string())

# %% [markdown]
# The plot shows all trials, the front, and what is beyond the limit.

# %%
axes = kn.plots.pareto_front(clf)
axes.figure.savefig("front.png")

# %% [markdown]
# The estimator answers with the most accurate model within the limit.

# %%
accuracy = clf.score(new_images, new_labels)
params = clf.export_model().count_params()
print(f"{params} parameters read {accuracy:.3f} of the digits set aside right")
assert accuracy > 0.8 and (front["params"] <= 20_000).all() and params <= 20_000
