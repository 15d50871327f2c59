"""A fused ensemble of eight members: one file, its answers, and the latency of one row.

    python benchmarks/fused.py --data DIR [--tables titanic telco_churn] [--budget 60]
                               [--peers autogluon]

`TabularClassifier` searches a table; the eight best trials, of several families, are fused with
unequal weights. The file is loaded by plain Keras in a process that can import neither kerasnas nor
scikit-learn, lightgbm, xgboost and catboost, and its probabilities of all test rows are compared
with the weighted mean of what the eight files of the members answer. Latency is the median of
single rows: of the traced model, of a frame with one row through the estimator, of scikit-learn's
`VotingClassifier` over eight pipelines, and of AutoGluon's ensemble of the same budget.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from tabular import interpreter, parts, timed

MEMBERS = 8
FEWEST_FAMILIES = 3

PLAIN = """
import sys, time
for name in ("kerasnas", "sklearn", "lightgbm", "xgboost", "catboost"):
    sys.modules[name] = None  # importing it fails
import keras, numpy as np, tensorflow as tf
model = keras.models.load_model(sys.argv[1])
held = np.load(sys.argv[2])
dtypes = {name: tensor.dtype for name, tensor in model.input.items()}
rows = {n: tf.constant(held[n].astype(str) if d == "string" else held[n], dtype=d)
        for n, d in dtypes.items()}
np.save(sys.argv[3], np.concatenate([
    model({n: v[i : i + 512] for n, v in rows.items()}, training=False).numpy()
    for i in range(0, len(next(iter(rows.values()))), 512)]))
call = tf.function(lambda inputs: model(inputs, training=False))
one = {n: v[:1] for n, v in rows.items()}
call(one)
times = []
for _ in range(200):
    begin = time.perf_counter()
    call(one).numpy()
    times.append(time.perf_counter() - begin)
print(float(np.median(times) * 1e3))
"""


def eight(estimator) -> list:
    """The best trial of each family, and the best others, eight in all."""
    trials = estimator.result_.trials_where("params >= 0")
    trials = [t for t in trials if estimator.result_.networks.there(t.trial_id)]
    first = {t.values["family"]: t for t in reversed(trials)}
    chosen = [t for t in trials if t in first.values()]
    chosen += [t for t in trials if t not in chosen]
    return chosen[:MEMBERS]


def voting(x, seed: int):
    """Eight pipelines of scikit-learn, as one would write them by hand."""
    from sklearn import ensemble, linear_model, neural_network
    from sklearn.compose import ColumnTransformer, make_column_selector
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    def front():
        numbers = make_pipeline(SimpleImputer(), StandardScaler())
        words = OneHotEncoder(handle_unknown="ignore", sparse_output=False, max_categories=50)
        numeric = make_column_selector(dtype_include="number")
        other = make_column_selector(dtype_exclude="number")
        return ColumnTransformer([("numbers", numbers, numeric), ("words", words, other)])

    models = [
        *(ensemble.HistGradientBoostingClassifier(max_leaf_nodes=n, random_state=seed)
          for n in (8, 31, 64)),
        ensemble.ExtraTreesClassifier(100, random_state=seed),
        ensemble.RandomForestClassifier(100, random_state=seed),
        neural_network.MLPClassifier((256, 256), random_state=seed),
        neural_network.MLPClassifier((64,), random_state=seed),
        linear_model.LogisticRegression(max_iter=1000),
    ]  # fmt: skip
    named = [(str(i), make_pipeline(front(), model)) for i, model in enumerate(models)]
    return ensemble.VotingClassifier(named, voting="soft")


def check(table: str, arguments: argparse.Namespace, folder: Path) -> None:
    import keras

    import kerasnas as kn
    from kerasnas import artifact
    from kerasnas.results.fusion import fuse
    from kerasnas.trial.answers import call

    train, test, target, _ = parts(table, arguments.data, arguments.seed)
    x = test.drop(columns=target)
    found = kn.TabularClassifier(
        budget=arguments.budget, seed=arguments.seed, folds=False, verbose=0, directory=folder / "s"
    ).fit(train, target)
    chosen = eight(found)
    families = {t.values["family"] for t in chosen}
    if len(chosen) < MEMBERS or len(families) < FEWEST_FAMILIES:
        raise SystemExit(f"Only {len(chosen)} trials of {families}: pass a larger --budget.")
    weights = np.arange(MEMBERS, 0, -1) / (MEMBERS * (MEMBERS + 1) / 2)
    members = [found.result_.networks.model(t) for t in chosen]
    path = folder / "fused.keras"
    fuse(members, weights.tolist()).save(path)

    raw = found.fitted_.reader.read(x)
    inputs = artifact.as_inputs(raw, artifact.input_dtypes(members[0]))
    expected = np.average([np.asarray(m(inputs)) for m in members], axis=0, weights=weights)
    np.savez(
        folder / "rows.npz",
        **{
            n: np.asarray(v).astype(str if np.asarray(v).dtype == object else np.asarray(v).dtype)
            for n, v in raw.items()
        },
    )
    (folder / "plain.py").write_text(PLAIN)
    command = [sys.executable, "plain.py", "fused.keras", "rows.npz", "answers.npy"]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    gap = np.abs(np.load(folder / "answers.npy") - expected).max()
    fused = artifact.load_written(path)
    traced = call(fused)
    one = keras.tree.map_structure(lambda t: t[:1], inputs)
    print(f"{table}: {MEMBERS} members of {', '.join(sorted(families))}")
    apart = sum(artifact.size_of(member) for member in members) / 1e6
    print(f"  {path.stat().st_size / 1e6:.1f} MB, the members' files {apart:.1f} MB")
    print(f"  largest difference of {len(x)} rows: {gap:.1e}")
    print(
        f"  one row: {answer.stdout.strip():.5} ms in plain Keras, "
        f"{timed(lambda r: traced(r), one):.2f} ms here",
        flush=True,
    )
    numeric = train.drop(columns=target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the networks stop at their limit of iterations
        sklearn = voting(numeric, arguments.seed).fit(numeric, train[target])
    print(
        f"  scikit-learn, eight pipelines: {timed(sklearn.predict_proba, x[:1]):.1f} ms", flush=True
    )
    for peer in arguments.peers:
        python = interpreter(peer, arguments.environments)
        command = [
            python,
            str(Path(__file__).with_name("tabular.py")),
            "--data",
            str(arguments.data),
            "--budget",
            str(arguments.budget),
            "--one",
            peer,
            table,
            str(arguments.seed),
        ]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        row = json.loads(answer.stdout.strip().splitlines()[-1])
        print(f"  {peer}: {row['frame_row_ms']:.1f} ms", flush=True)
    if gap > 1e-5:
        raise SystemExit("The fused graph does not answer as its members do.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the parquet files")
    parser.add_argument("--tables", nargs="*", default=["titanic", "telco_churn"])
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of each fit")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", nargs="*", default=["autogluon"])
    parser.add_argument("--environments", type=Path, default=Path.home() / ".cache/kerasnas-peers")
    arguments = parser.parse_args()
    for table in arguments.tables:
        with tempfile.TemporaryDirectory() as folder:
            check(table, arguments, Path(folder))


if __name__ == "__main__":
    main()
