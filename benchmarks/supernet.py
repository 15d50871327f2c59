"""Do inherited scores rank cells as training them alone does?

    python benchmarks/supernet.py [--data DIR] [--cells 20] [--epochs 300] [--alone 40]

On MNIST's test half at 14 x 14 pixels where `--data` names the folder with mnist_t10k.npz, else on
the digits of scikit-learn. Random cells are trained alone, each with the supernet's own layers and
recipe from fresh weights; then supernets are trained, one for each seed and way of sampling, and
the cells are judged with inherited weights. Printed are Spearman's rank correlations with bootstrap
intervals of 95 %, and what each way has cost.
"""

import argparse
import time
from pathlib import Path

import numpy as np


def load(folder: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Images from 0 to 1 with one channel, and labels."""
    if folder is None:
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        return images.reshape(-1, 8, 8, 1).astype("float32") / 16, labels
    stored = np.load(folder / "mnist_t10k.npz", allow_pickle=False)
    images = stored["x"].astype("float32").reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)) / 255
    return images[..., None], stored["y"].astype("int64")


def correlation(a: np.ndarray, b: np.ndarray) -> str:
    """Spearman's rank correlation, with its interval over samples of cells."""
    from scipy.stats import spearmanr

    rng, samples = np.random.default_rng(0), []
    for _ in range(2000):
        rows = rng.integers(0, len(a), len(a))
        if len(np.unique(a[rows])) > 1 and len(np.unique(b[rows])) > 1:
            samples.append(spearmanr(a[rows], b[rows]).statistic)
    low, high = np.quantile(samples, [0.025, 0.975])
    return f"{spearmanr(a, b).statistic:5.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with mnist_t10k.npz")
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--rows", type=int, default=1000, help="images to train on")
    parser.add_argument("--epochs", type=int, default=300, help="epochs of a supernet")
    parser.add_argument("--alone", type=int, default=40, help="epochs of each cell alone")
    parser.add_argument("--filters", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=2, help="supernets of each kind")
    given = parser.parse_args()
    import keras

    from kerasnas.spaces import Cell, cells
    from kerasnas.spaces.supernet import PathTraining, Supernet, path_scores

    images, labels = load(given.data)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(images))
    train, valid = order[: given.rows], order[given.rows : given.rows + 4000]
    shape = images.shape[1:]
    space = cells(shape, 10, filters=given.filters, stages=2, rows=len(train))
    chosen: dict[str, Cell] = {}
    while len(chosen) < given.cells:
        cell = Cell.random_sample(rng)
        if cell.connected:
            chosen.setdefault(cell.graph, cell)

    def trained_for(training: PathTraining, epochs: int, seed: int, cell=None) -> float:
        """Seconds of a training from the first weights."""
        training.reset()
        begin = time.perf_counter()
        training.run(epochs, seed=seed, cell=cell)
        return time.perf_counter() - begin

    def prepared(seed: int, fair: bool):
        keras.utils.set_random_seed(seed)
        supernet = Supernet(space)
        training = PathTraining(supernet, images[train], labels[train], fair=fair)
        scores = path_scores(supernet, images[valid], labels[valid])
        first = next(iter(chosen.values()))
        training.run(1, cell=first)
        scores(first)  # both functions are traced by now: no way pays for it below
        return training, scores

    training, scores = prepared(0, False)
    alone, by_itself = [], 0.0
    for cell in chosen.values():
        by_itself += trained_for(training, given.alone, 0, cell)
        alone.append(scores(cell))
    accuracy = np.array([a["accuracy"] for a in alone])
    loss = np.array([a["log_loss"] for a in alone])
    print(f"{len(chosen)} cells alone, {given.alone} epochs each: {by_itself:.0f} s")
    for i in np.argsort(loss):
        print(f"  {loss[i]:.4f} {accuracy[i]:.4f}  {list(chosen.values())[i]}", flush=True)

    sizes = np.array([float(str(c).count("nor_conv_3x3")) for c in chosen.values()])
    print(f"by the number of 3x3 convolutions alone:  log-loss {correlation(sizes, -loss)}")
    for fair in (False, True):
        for seed in range(given.seeds):
            training, scores = prepared(seed, fair)
            trained = trained_for(training, given.epochs, seed)
            begin = time.perf_counter()
            found = [scores(cell) for cell in chosen.values()]
            seconds = time.perf_counter() - begin
            inherited = np.array([f["accuracy"] for f in found])
            losses = np.array([f["log_loss"] for f in found])
            print(
                f"{'fair' if fair else 'uniform':<8} seed {seed}: "
                f"accuracy {correlation(inherited, accuracy)}, "
                f"log-loss {correlation(losses, loss)}; inherited accuracy "
                f"{inherited.min():.3f} to {inherited.max():.3f}; "
                f"supernet {trained:.0f} s + judging {seconds:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
