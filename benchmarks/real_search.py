"""A real architecture search: cells on the digits of scikit-learn, accuracy on a test split.

    python benchmarks/real_search.py [--minutes 3] [--seeds 3] [--oracles bohb evolution random]

The space is that of NAS-Bench-201: six edges, five operations. Every strategy has the same time; no
search sees the test split, a fifth of the rows. One line a run, then one line a strategy.
"""

import argparse
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasnas as kn


def data(seed):
    """Training, validation and test rows: 60, 20 and 20 %."""
    x, y = load_digits(return_X_y=True)
    x = (x.reshape(-1, 8, 8, 1) / 16).astype("float32")
    rest, x_test, y_rest, y_test = train_test_split(
        x, y, test_size=0.2, random_state=seed, stratify=y
    )
    parts = train_test_split(rest, y_rest, test_size=0.25, random_state=seed, stratify=y_rest)
    x_train, x_valid, y_train, y_valid = parts
    return (x_train, y_train), (x_valid, y_valid), (x_test, y_test)


def run(oracle, seconds, seed):
    """One search: test accuracy, and the result."""
    train, valid, (x_test, y_test) = data(seed)
    result = kn.search(
        kn.spaces.cells((8, 8, 1), classes=10, rows=len(train[0])),
        *train,
        validation_data=valid,
        objective="val_accuracy",
        oracle=oracle,
        budget=kn.Budget(seconds=seconds),
        seed=seed,
        verbose=0,
    )
    answers = result.best_model().predict(x_test, verbose=0)
    return float(np.mean(answers.argmax(-1) == y_test)), result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--oracles", nargs="+", default=["bohb", "evolution", "random"])
    arguments = parser.parse_args()
    found = {oracle: [] for oracle in arguments.oracles}
    for seed in range(arguments.seeds):
        for oracle in arguments.oracles:
            accuracy, result = run(oracle, 60 * arguments.minutes, seed)
            found[oracle].append(accuracy)
            history = result.history
            full = sum(t.status == "COMPLETED" and t.fidelity == 1 for t in history)
            print(
                f"{oracle:10s} seed {seed}: test accuracy {accuracy:.4f}, validation "
                f"{result.best_trial.scores['val_accuracy']:.4f}; {len(history)} configurations, "
                f"{sum(len(t.executions) for t in history)} trainings, {full} in full, "
                f"{history.spent:.0f} s; {'/'.join(result.best_hyperparameters.values())}",
                flush=True,
            )
    for oracle, accuracies in found.items():
        spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
        print(
            f"{oracle:10s} {statistics.mean(accuracies):.4f} ± {spread:.4f} over {len(accuracies)}"
        )


if __name__ == "__main__":
    main()
