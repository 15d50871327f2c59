# %% [markdown]
# # Choosing a strategy
#
# A strategy proposes what to try next. To see which one suits a space, nothing has to be trained: a
# simulated executor takes each outcome from a function, and time from a clock of its own, so that a
# search of hours runs in a moment. Here the function is made up: six operations of a cell, of which
# 3 x 3 convolutions help most and cost most.

# %%
import keras_tuner
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasnas as kn
from kerasnas.spaces import Cell
from kerasnas.spaces.cell import NAMES, OPERATIONS
from kerasnas.trial.executors import Simulated, SimulatedOutcome


class MadeUp:
    """What a simulation needs: a space, how long trainings take, and what they come to."""

    fidelities = (1.0,)  # only full trainings
    full_seconds = 900.0

    @property
    def hyperparameters(self):
        hp = keras_tuner.HyperParameters()
        for name in NAMES:
            hp.Choice(name, list(OPERATIONS))
        return hp

    def quality(self, values):
        cell = Cell.of(values)
        if not cell.connected:
            return 0.1
        worth = {
            "none": 0,
            "skip_connect": 2,
            "avg_pool_3x3": 1,
            "nor_conv_1x1": 4,
            "nor_conv_3x3": 5,
        }
        last = {"skip_connect": 3}.get(cell.edges[0, 3], 0)  # a shortcut helps
        return 0.6 + 0.01 * (sum(worth[o] for o in cell.operations) + last)

    def measures(self, values):
        size = {"nor_conv_3x3": 9, "nor_conv_1x1": 1}
        return {"params": 1000.0 * (5 + sum(size.get(o, 0) for o in values.values()))}

    def train(self, values, fidelity, rng):
        noise = 0.003 * rng.normal()  # another seed, another score
        seconds = 300 + self.measures(values)["params"] / 50
        return SimulatedOutcome({"val_accuracy": self.quality(values) + noise}, seconds)

    def zero_cost(self):
        return None


# %% [markdown]
# Each strategy gets the same eight simulated hours, about 40 trainings, five times with other
# seeds. What counts is the true quality of the configuration that it would go on with.

# %%
made_up = MadeUp()


def found(name, seed):
    oracle = kn.oracles.STRATEGIES[name]("val_accuracy", seed=seed)
    Simulated(made_up, seconds=8 * 3600, seed=seed).run(oracle)
    return made_up.quality(oracle.get_best_trials(1)[0].hyperparameters.values)


means = {}
for name in ("random", "evolution", "local", "auto"):
    means[name] = np.mean([found(name, seed) for seed in range(5)])
    print(f"{name:<10} {means[name]:.4f}")

# %% [markdown]
# ## Two objectives
#
# With two objectives the answer is a front. The hypervolume measures how much it covers, against a
# worst point that is held fixed; the knee is where more of one costs most of the other.

# %%
both = ["val_accuracy", kn.Objective("params", "min")]
oracle = kn.oracles.Auto(both, max_trials=60, seed=0)
Simulated(made_up, seed=0).run(oracle)
print(oracle.describe())
front = oracle.get_best_trials(5)
print([round(trial.score, 3) for trial in front])

# %% [markdown]
# ## The same with real networks
#
# `spaces.cells` builds Keras models of such cells. Two short trainings are enough to show it;
# `best_model(where=...)` picks among the models that were kept: the best one, and those that are
# best for some limit of size.

# %%
images, digits = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8, 1).astype("float32")
x, x_new, y, y_new = train_test_split(images, digits, stratify=digits, random_state=0)

result = kn.search(
    kn.spaces.cells((8, 8, 1), 10, filters=8, stages=2),
    x,
    y,
    objective="val_accuracy",
    budget=kn.Budget(trials=2, epochs=2),
    batch_size=32,
    seed=0,
)
small = result.best_model(where="params < 100_000")
accuracy = np.mean(small.predict(x_new, verbose=0).argmax(axis=1) == y_new)
print(result.strategy)
print(f"{accuracy:.3f}")

# %%
assert means["auto"] > means["random"] and accuracy > 0.5
