"""Do inherited accuracies rank cells as training them alone does?

    python benchmarks/supernet.py [--cells 20] [--epochs 60] [--alone 20]

On the digits of scikit-learn: one supernet is trained, random cells are judged with its weights,
then each is trained alone. Printed are Spearman's rank correlation with a bootstrap interval of
95 %, and what each way has cost.
"""

import argparse
import time

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=60, help="epochs of the supernet")
    parser.add_argument("--alone", type=int, default=20, help="epochs of each cell alone")
    parser.add_argument("--filters", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    from scipy.stats import spearmanr
    from sklearn.datasets import load_digits

    from kerasnas.data import holdout
    from kerasnas.spaces import Cell, cells
    from kerasnas.spaces.supernet import PathTraining, Supernet, path_scorer

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1).astype("float32")
    train, valid = holdout(len(images), 0.3, seed=given.seed, classes=labels)
    space = cells((8, 8, 1), 10, filters=given.filters, stages=2, rows=len(train))
    rng = np.random.default_rng(given.seed)
    chosen: dict[str, Cell] = {}
    while len(chosen) < given.cells:
        cell = Cell.random_sample(rng)
        if cell.connected:
            chosen.setdefault(cell.graph, cell)

    supernet = Supernet(space)
    training = PathTraining(supernet, images[train], labels[train])
    score = path_scorer(supernet, images[valid], labels[valid])
    first = next(iter(chosen.values()))
    training.run(1, cell=first)
    score(first)  # both functions are traced by now: neither way pays for it below
    training.reset()
    begin = time.perf_counter()
    training.run(given.epochs, seed=given.seed)
    trained = time.perf_counter() - begin
    begin = time.perf_counter()
    inherited = np.array([score(cell) for cell in chosen.values()])
    judged = time.perf_counter() - begin

    begin, alone = time.perf_counter(), []
    for cell in chosen.values():
        # The same network and recipe, only that every step trains this path, from fresh weights.
        training.reset()
        training.run(given.alone, seed=given.seed, cell=cell)
        alone.append(score(cell))
    by_itself = time.perf_counter() - begin
    stand_alone = np.array(alone)

    print(f"{'inherited':>10}{'alone':>8}  cell")
    for i in np.argsort(-stand_alone, kind="stable"):
        print(f"{inherited[i]:>10.4f}{stand_alone[i]:>8.4f}  {list(chosen.values())[i]}")
    samples = []
    for _ in range(2000):
        rows = rng.integers(0, len(inherited), len(inherited))
        if len(np.unique(inherited[rows])) > 1 and len(np.unique(stand_alone[rows])) > 1:
            samples.append(spearmanr(inherited[rows], stand_alone[rows]).statistic)
    low, high = np.quantile(samples, [0.025, 0.975])
    rho = spearmanr(inherited, stand_alone).statistic
    print(f"Spearman's rank correlation {rho:.2f} [{low:.2f}, {high:.2f}] over {len(chosen)} cells")
    print(
        f"supernet {trained:.0f} s + judging {judged:.1f} s; the same cells alone {by_itself:.0f} s"
    )


if __name__ == "__main__":
    main()
