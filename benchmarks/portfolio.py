"""Learns the order in which configurations of the tabular space are tried first.

    python benchmarks/portfolio.py --data DIR --results FILE [--rows 1000]
                                   [--seconds S] [--write]

Every candidate is trained on every table (at most 1,000 rows of it, 20 % held out, seed 0; as many
epochs a family as take about the same time), and what it answers to the held-out rows goes into a
JSON lines file; what is there already is not run again, so the script can be run in parts. Then the
portfolio is built greedily: next comes the configuration that most lowers the mean over tables of
the regret of an ensemble of the list so far, since a search answers with an ensemble; when none
helps any more, the others follow by how good they are alone. Weights of the ensemble are chosen on
half of the held-out rows and scored on the other half, both ways. Regret is 0 for the best single
candidate on a table and 1 for the median one, so that an ensemble may go below 0. The same is done
with each table left out, and what its portfolio then reaches on that table is printed beside the
hand-made order, the shipped one and the mean of random orders. `--write` puts the result where
`kn.spaces.tabular(...).portfolio` reads it, with the defaults of families that were not chosen: the
linear model, which costs nothing, after the third, the others at the end.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

TABLES = {
    "concrete": None,
    "titanic": "Survived",
    "phoneme": None,
    "abalone": None,
    "german_credit": None,
    "california_housing": "median_house_value",
    "telco_churn": "Churn",
    "bike_sharing_hour": None,
    "adult": "income",
    "ames_housing": "SalePrice",
    "satimage": None,
    "splice": "class",
}
REGRESSION = {"concrete", "abalone", "california_housing", "bike_sharing_hour", "ames_housing"}

CANDIDATES = (
    {"family": "realmlp"},
    {"family": "realmlp", "realmlp_layers": 2, "realmlp_width": 512, "realmlp_dropout": 0.3},
    {
        "family": "realmlp",
        "realmlp_sigma": 1.0,
        "realmlp_frequencies": 32,
        "realmlp_embedding_width": 8,
    },
    {
        "family": "realmlp",
        "realmlp_embedding": "none",
        "realmlp_dropout": 0.3,
        "realmlp_scale_rate": 10.0,
    },
    {"family": "realmlp", "realmlp_embedding": "plr", "realmlp_sigma": 0.03},
    {"family": "tabm"},
    {"family": "tabm", "tabm_kind": "full"},
    {"family": "tabm", "tabm_bins": 16, "tabm_dropout": 0.3, "tabm_learning_rate": 1e-3},
    {"family": "mlp"},
    {"family": "mlp", "mlp_layers": 1, "mlp_width": 64, "mlp_dropout": 0.3, "weight_decay": 0.1},
    {"family": "resnet"},
    {"family": "mlp_plr"},
    {"family": "mlp_plr", "plr_sigma": 0.3, "plr_learning_rate": 3e-3, "plr_width": 256},
    {"family": "ft_transformer"},
    {"family": "lightgbm"},
    {"family": "lightgbm", "lightgbm_leaves": 8, "lightgbm_column_share": 0.3},
    {
        "family": "lightgbm",
        "lightgbm_leaves": 64,
        "lightgbm_learning_rate": 0.1,
        "lightgbm_min_leaf": 5,
    },
    {"family": "extra_trees"},
    {"family": "extra_trees", "forest_min_leaf": 5},
    {"family": "extra_trees", "forest_min_leaf": 1, "forest_depth": 20},
    {"family": "extra_trees", "forest_column_share": 1.0, "forest_depth": 20},
    {"family": "linear"},
    {"family": "linear", "linear_penalty": 30.0},
)


# The order before one was learnt: what the learnt one has to be better than.
BY_HAND = (14, 0, 21, 5, 17, 8, 11, 10, 13, 15, 9)
LENGTH = 12
ROUNDS = 20  # of choosing the members of an ensemble, with replacement

# Short trainings that take about the same time; a fixed number, so that a run can be repeated.
EPOCHS = {
    "realmlp": 64,
    "tabm": 16,
    "mlp": 16,
    "resnet": 16,
    "mlp_plr": 16,
    "ft_transformer": 8,
}


def load(name, folder, rows):
    """At most so many rows of a table, and the name of its target."""
    frame = pd.read_parquet(folder / f"{name}.parquet").drop(columns="split", errors="ignore")
    kept = frame.sample(min(rows, len(frame)), random_state=0).reset_index(drop=True)
    return kept, TABLES[name] or frame.columns[-1]


def task_of(name, folder, rows):
    """The task that an estimator would make of a table."""
    from kerasnas.estimators.table_task import prepare
    from kerasnas.problem.given import Given
    from kerasnas.spaces.networks import FAMILIES

    frame, target = load(name, folder, rows)
    prepared = prepare(Given(frame, target, seed=0), classify=name not in REGRESSION)
    return prepared.task([*FAMILIES, "lightgbm", "extra_trees", "linear"])


def parts(task, values):
    """What a configuration answers to the held-out rows: see `losses`."""
    import keras
    import keras_tuner

    from kerasnas.clock import Deadline
    from kerasnas.spaces.method import Solve
    from kerasnas.trial.answers import Predictor
    from kerasnas.trial.plan import Plan
    from kerasnas.trial.seeding import seeded
    from kerasnas.trial.training import Trainer

    metric = "val_rmse" if task.problem.rows.classes is None else "val_log_loss"
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    space = task.hypermodel
    keras.backend.clear_session(free_memory=False)
    with seeded(0, 0):
        view = task.problem.view(hp)
        solved = isinstance(space.method(hp), Solve)
        network = (
            space.solve(hp, view, 0, Deadline.after(60.0)).network if solved else space.build(hp)
        )
        predict = Predictor(network, view.validation[0])
        if not solved:
            recipe, training = space.recipe(hp), space.training(hp, network)
            trainer = Trainer(
                training.model,
                view.x,
                view.y,
                view.weights,
                lambda: view.scorer.validation(predict()),
                training.pacing,
            )
            plan = Plan(
                batch_size=recipe.batch_size,
                epochs=EPOCHS[values["family"]],
                monitor=metric,
                patience=recipe.patience,
                rates=recipe.rates,
            )
            trainer.run(plan)
        answers, y = np.asarray(predict(), dtype="float64"), view.validation[1]
    if task.problem.rows.classes is None:
        return answers.reshape(-1) - np.reshape(y, -1)
    return answers[np.arange(len(y)), y]


def losses(parts, regression):
    """Losses over the last axis: RMSE of errors, or log loss of the true labels' probabilities."""
    if regression:
        return np.sqrt(np.mean(parts**2, axis=-1))
    return -np.mean(np.log(np.maximum(parts, 1e-7)), axis=-1)


def ensembled(parts, regression):
    """Loss of an ensemble: weights from one half of the rows, scored on the other, both ways.

    Args:
        parts: Shape `(candidates, rows)`.
        regression: Whether these are errors.
    """
    if len(parts) == 1:
        return float(losses(parts[0], regression))
    found = []
    for first in (0, 1):
        here, there = parts[:, first::2], parts[:, 1 - first :: 2]
        total, weights = np.zeros(here.shape[1]), np.zeros(len(parts))
        for n in range(1, ROUNDS + 1):
            best = int(np.argmin(losses((total + here) / n, regression)))
            total, weights[best] = total + here[best], weights[best] + 1
        found.append(float(losses(weights @ there / ROUNDS, regression)))
    return float(np.mean(found))


def run(arguments, known):
    """Scores what is missing; stops after so many seconds."""
    begin = time.perf_counter()
    for name in arguments.only:
        task = None
        for values in CANDIDATES:
            if (name, key(values)) in known:
                continue
            if time.perf_counter() - begin > arguments.seconds:
                return
            task = task or task_of(name, arguments.data, arguments.rows)
            start = time.perf_counter()
            known[name, key(values)] = found = parts(task, values)
            value = losses(found, name in REGRESSION)
            row = {
                "table": name,
                "values": values,
                "parts": [round(float(v), 6) for v in found],
                "seconds": round(time.perf_counter() - start, 2),
                "rows": arguments.rows,
            }
            with arguments.results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{name:20s} {value:12.5g} {row['seconds']:7.1f} s  {key(values)}", flush=True)


def key(values):
    return json.dumps(values, sort_keys=True)


class Table:
    """What is known of a table.

    Args:
        parts: Answers of all candidates, shape `(candidates, rows)`.
        regression: Whether these are errors.
    """

    def __init__(self, parts, regression):
        self.parts, self.regression = parts, regression
        alone = losses(parts, regression)
        self.best = alone.min()
        self.spread = max(np.median(alone) - self.best, 1e-12)
        self.known = {}

    def regret(self, order):
        """Regret of an ensemble of some candidates."""
        members = tuple(sorted(order))
        if members not in self.known:
            loss = ensembled(self.parts[list(members)], self.regression)
            # Far behind is far behind: one failure must not outweigh all other tables.
            self.known[members] = min((loss - self.best) / self.spread, 3.0)
        return self.known[members]

    def course(self, order):
        """Regret after each configuration of an order."""
        return np.array([self.regret(order[: n + 1]) for n in range(len(order))])


def greedy(tables, length):
    """Places of candidates, each the one that helps an ensemble most beside those before.

    When none helps any more, the others follow by how good they are alone.
    """

    def mean(order):
        return float(np.mean([t.regret(order) for t in tables]))

    chosen, reached = [], np.inf
    while len(chosen) < length:
        rest = [j for j in range(len(CANDIDATES)) if j not in chosen]
        means = [mean([*chosen, j]) for j in rest]
        if min(means) > reached - 1e-9:
            return (chosen + sorted(rest, key=lambda j: mean([j])))[:length]
        reached = min(means)
        chosen.append(rest[int(np.argmin(means))])
    return chosen


def complete(order):
    """The list with the defaults of families that it lacks: the free one early, others last."""
    found = [CANDIDATES[place] for place in order]
    families = dict.fromkeys(values["family"] for values in CANDIDATES)
    lacking = [{"family": f} for f in families if f not in {v["family"] for v in found}]
    free = [values for values in lacking if values["family"] == "linear"]
    return found[:3] + free + found[3:] + [values for values in lacking if values not in free]


def shipped():
    """Places of the configurations that are shipped now."""
    import kerasnas.spaces

    path = Path(kerasnas.spaces.__file__).parent / "portfolios" / "tabular.json"
    known = [key(values) for values in CANDIDATES]
    return [known.index(key(c)) for c in json.loads(path.read_text())["configurations"]]


def report(tables, names):
    """Learns the portfolio, prints the leave-one-out figures and gives both."""
    order = greedy(tables, LENGTH)
    rng = np.random.default_rng(0)
    shuffled = [rng.permutation(len(CANDIDATES))[:LENGTH].tolist() for _ in range(100)]
    sizes = (1, 2, 3, 4, 6, 8, 12)
    print("\nRegret of an ensemble of so many configurations, each table left out in turn")
    print(f"{'table':20s} " + " ".join(f"{n:>6d}" for n in sizes))
    left_out = []
    for i, name in enumerate(names):
        course = tables[i].course(greedy(tables[:i] + tables[i + 1 :], LENGTH))
        left_out.append(course)
        print(f"{name:20s} " + " ".join(f"{course[n - 1]:6.2f}" for n in sizes))
    by_hand = [*BY_HAND, BY_HAND[0]]
    means = {
        "left out": np.mean(left_out, axis=0),
        "by hand": np.mean([t.course(by_hand) for t in tables], axis=0),
        "shipped before": np.mean([t.course(shipped()[:LENGTH]) for t in tables], axis=0),
        "random": np.mean([[t.course(o) for o in shuffled] for t in tables], axis=(0, 1)),
        "in sample": np.mean([t.course(order) for t in tables], axis=0),
    }
    for label, course in means.items():
        print(f"{'mean, ' + label:20s} " + " ".join(f"{course[n - 1]:6.2f}" for n in sizes))
    print("\nPortfolio (mean regret of each alone in brackets)")
    for place in order:
        alone = np.mean([t.regret([place]) for t in tables])
        print(f"  {key(CANDIDATES[place])}  ({alone:.2f})")
    return order, {n: [round(float(v), 3) for v in c] for n, c in means.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--only", nargs="+", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    known = {}
    if arguments.results.exists():
        for line in arguments.results.read_text().splitlines():
            row = json.loads(line)
            if row["rows"] == arguments.rows:
                known[row["table"], key(row["values"])] = np.array(row["parts"])
    run(arguments, known)
    names = [n for n in arguments.only if all((n, key(v)) in known for v in CANDIDATES)]
    print(f"{len(names)} of {len(arguments.only)} tables are complete: {', '.join(names)}")
    if len(names) < 3:
        return
    tables = [
        Table(np.stack([known[n, key(v)] for v in CANDIDATES]), n in REGRESSION) for n in names
    ]
    order, means = report(tables, names)
    if arguments.write:
        import kerasnas.spaces

        path = Path(kerasnas.spaces.__file__).parent / "portfolios" / "tabular.json"
        content = {
            "configurations": complete(order),
            "learnt_from": {
                "tables": names,
                "rows": arguments.rows,
                "epochs": EPOCHS,
                "candidates": len(CANDIDATES),
                "mean_regret_of_ensembles": means,
            },
        }
        path.write_text(json.dumps(content, indent=2) + "\n")
        print(f"Written to {path.name}.")


if __name__ == "__main__":
    main()
