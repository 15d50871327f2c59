"""Tables: kerasnas beside other AutoML and boosting, in the same seconds on the same rows.

    python benchmarks/tabular.py --data DIR --peers histgb,lightgbm,flaml,autogluon --budget 60
        [--tables titanic adult] [--seeds 0 1 2] [--own kerasnas networks] [--results FILE.jsonl]

Every table is split 80/20 (stratified for classes) by the seed; the test part is scored once, at
the end. Log-loss for classes, RMSE for values. Each peer runs in a process of its own, `flaml` and
`autogluon` in environments that this script makes under `--environments` when they are not there
yet. Every run is one line of the results file, with machine and versions; what is there already is
not run again, so peers are run once. Then: the scores, a normalised score (0 is the constant
answer, 1 the best of the table), mean rank, wins, seconds, file size and latency of one row.

`networks` is kerasnas without trees and linear models.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

TABLES = {
    "adult": ("income", True),
    "telco_churn": ("Churn", True),
    "german_credit": ("credit_risk", True),
    "phoneme": ("target", True),
    "satimage": ("class", True),
    "splice": ("class", True),
    "titanic": ("Survived", True),
    "california_housing": ("median_house_value", False),
    "abalone": ("rings", False),
    "ames_housing": ("SalePrice", False),
    "concrete": ("strength", False),
    "bike_sharing_hour": ("count", False),
}
OWN = ("kerasnas", "networks")
IN_PLACE = (*OWN, "histgb", "lightgbm")
NEEDED = {
    "flaml": ["flaml[automl]", "lightgbm", "xgboost-cpu", "catboost"],
    "autogluon": ["autogluon.tabular[lightgbm,catboost,xgboost]", "torch", "fastai"],
}
COMMON = ["pandas", "pyarrow", "scikit-learn"]


def read(name: str, folder: Path):
    """A table without its official split, its target, and whether that is a class."""
    import pandas as pd

    frame = pd.read_parquet(folder / f"{name}.parquet").drop(columns="split", errors="ignore")
    target, classes = TABLES[name]
    return frame, target, classes


def parts(name: str, folder: Path, seed: int):
    from sklearn.model_selection import train_test_split

    frame, target, classes = read(name, folder)
    stratify = frame[target] if classes else None
    train, test = train_test_split(frame, test_size=0.2, random_state=seed, stratify=stratify)
    return train, test, target, classes


def score(test, target: str, answers, labels) -> dict[str, float]:
    """Log-loss of probabilities in the order of `labels`, or RMSE; and its standard error."""
    import numpy as np

    if labels is None:
        losses = (np.asarray(answers).reshape(-1) - test[target].to_numpy("float64")) ** 2
        rmse = float(np.sqrt(losses.mean()))
        error = float(losses.std() / np.sqrt(len(losses)))
        return {"score": rmse, "error": error / (2 * rmse)}
    place = {label: i for i, label in enumerate(labels)}
    index = np.array([place[label] for label in test[target]])
    p = np.asarray(answers, dtype="float64")
    p = np.clip(p / p.sum(axis=1, keepdims=True), 1e-7, 1.0)
    losses = -np.log(p[np.arange(len(p)), index])
    return {"score": float(losses.mean()), "error": float(losses.std() / np.sqrt(len(losses)))}


def constant(train, test, target: str, classes: bool) -> float:
    """The score of the best answer that is the same for every row."""
    import numpy as np

    if not classes:
        return score(test, target, np.full(len(test), train[target].mean()), None)["score"]
    shares = train[target].value_counts(normalize=True)
    return score(test, target, np.tile(shares, (len(test), 1)), list(shares.index))["score"]


def timed(predict, row, least: float = 0.5) -> float:
    """Median ms of one row, from the raw row to the answer."""
    import numpy as np

    predict(row)
    times, begin = [], time.perf_counter()
    while time.perf_counter() - begin < least or len(times) < 5:
        start = time.perf_counter()
        predict(row)
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1e3)


def run_own(peer, train, test, target, classes, budget, seed, folder) -> dict:
    import kerasnas as kn

    given = {"budget": budget, "seed": seed, "verbose": 0}
    if peer == "networks":
        from kerasnas.estimators.tabular import NETWORKS

        given["space"] = tuple(NETWORKS)
    cls = kn.TabularClassifier if classes else kn.TabularRegressor
    begin = time.monotonic()
    model = cls(**given).fit(train, target)
    seconds = time.monotonic() - begin
    path = folder / "model.keras"
    model.save(path)
    x = test.drop(columns=target)
    predict = model.predict_proba if classes else model.predict
    rows = model.leaderboard(full=True)
    from kerasnas import artifact
    from kerasnas.trial.answers import call

    inputs = artifact.as_inputs(model.fitted_.reader.probe(), model.fitted_.traced.dtypes)
    import keras

    one = keras.tree.map_structure(lambda t: t[:1], inputs)
    return {
        **score(test, target, predict(x), list(model.classes_) if classes else None),
        "seconds": seconds,
        "bytes": path.stat().st_size,
        "row_ms": timed(call(model.model_), one),
        "frame_row_ms": timed(predict, x[:1]),
        "trials": int((rows["kind"] == "trial").sum()),
        "best": str(rows.iloc[0]["trial_id"]),
    }


def categories(train, test, target):
    """Features of both parts with text as pandas categories of the training part."""
    import pandas as pd

    x, z = train.drop(columns=target).copy(), test.drop(columns=target).copy()
    for name in x:
        if not pd.api.types.is_numeric_dtype(x[name]) or x[name].dtype == bool:
            if pd.api.types.is_datetime64_any_dtype(x[name]):
                x[name], z[name] = x[name].astype("int64"), z[name].astype("int64")
                continue
            kinds = x[name].astype(str).value_counts().index[:250]
            x[name] = pd.Categorical(x[name].astype(str), kinds)
            z[name] = pd.Categorical(z[name].astype(str), kinds)
    return x, z


def run_boosting(peer, train, test, target, classes, budget, seed, folder) -> dict:
    x, z = categories(train, test, target)
    begin = time.monotonic()
    if peer == "histgb":
        from sklearn import ensemble

        name = f"HistGradientBoosting{'Classifier' if classes else 'Regressor'}"
        model = getattr(ensemble, name)(random_state=seed, categorical_features="from_dtype")
    else:
        import lightgbm

        cls = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
        model = cls(random_state=seed, verbose=-1)
    model.fit(x, train[target])
    seconds = time.monotonic() - begin
    predict = model.predict_proba if classes else model.predict
    labels = list(model.classes_) if classes else None
    return {
        **score(test, target, predict(z), labels),
        "seconds": seconds,
        "frame_row_ms": timed(predict, z[:1]),
    }


def run_flaml(peer, train, test, target, classes, budget, seed, folder) -> dict:
    from flaml import AutoML

    model = AutoML()
    begin = time.monotonic()
    model.fit(
        train.drop(columns=target), train[target], seed=seed, time_budget=budget, verbose=0,
        task="classification" if classes else "regression",
        metric="log_loss" if classes else "rmse", n_jobs=-1,
    )  # fmt: skip
    seconds = time.monotonic() - begin
    x = test.drop(columns=target)
    predict = model.predict_proba if classes else model.predict
    labels = list(model.classes_) if classes else None
    return {
        **score(test, target, predict(x), labels),
        "seconds": seconds,
        "frame_row_ms": timed(predict, x[:1]),
    }


def run_autogluon(peer, train, test, target, classes, budget, seed, folder) -> dict:
    from autogluon.tabular import TabularPredictor

    kind = ("binary" if train[target].nunique() == 2 else "multiclass") if classes else "regression"
    begin = time.monotonic()
    model = TabularPredictor(
        target, path=str(folder / "ag"), problem_type=kind, verbosity=0,
        eval_metric="log_loss" if classes else "root_mean_squared_error",
    ).fit(train, time_limit=budget, presets="medium_quality")  # fmt: skip
    seconds = time.monotonic() - begin
    x = test.drop(columns=target)
    size = sum(f.stat().st_size for f in (folder / "ag").rglob("*") if f.is_file())
    if classes:
        answers = model.predict_proba(x)
        labels, predict = list(answers.columns), model.predict_proba
    else:
        answers, labels, predict = model.predict(x), None, model.predict
    return {
        **score(test, target, answers, labels),
        "seconds": seconds,
        "bytes": size,
        "frame_row_ms": timed(predict, x[:1]),
    }


RUNNERS = {
    "kerasnas": run_own,
    "networks": run_own,
    "histgb": run_boosting,
    "lightgbm": run_boosting,
    "flaml": run_flaml,
    "autogluon": run_autogluon,
}


def versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    own = ("kerasnas", "keras", "tensorflow", "scikit-learn")
    for name in (
        *own,
        "lightgbm",
        "xgboost",
        "xgboost-cpu",
        "catboost",
        "flaml",
        "autogluon.tabular",
        "torch",
        "fastai",
    ):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def one(arguments: argparse.Namespace) -> None:
    """One peer on one table, in this process; one line of JSON on the last line."""
    peer, table, seed = arguments.one
    data = parts(table, arguments.data, int(seed))
    with tempfile.TemporaryDirectory() as folder:
        row = RUNNERS[peer](peer, *data, arguments.budget, int(seed), Path(folder))
    row["constant"] = constant(*data)
    facts = {"peer": peer, "table": table, "seed": int(seed), "budget": arguments.budget}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(json.dumps({**facts, **row, "machine": machine, "versions": versions()}))


def interpreter(peer: str, home: Path) -> str:
    """The Python that has a peer, in an environment made for it if need be."""
    if peer in OWN or peer == "histgb":
        return sys.executable
    if peer == "lightgbm" and find_spec("lightgbm") is not None:
        return sys.executable
    folder = home / peer
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making an environment for {peer} in {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        packages = [*NEEDED.get(peer, [peer]), *COMMON]
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    return str(python)


def load(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def report(rows: list[dict], budget: float) -> None:
    """Scores, ranks, wins and costs over what was run."""
    import numpy as np

    rows = [r for r in rows if r["budget"] == budget and "score" in r]
    peers = list(dict.fromkeys(r["peer"] for r in rows))
    keys = list(dict.fromkeys((r["table"], r["seed"]) for r in rows))
    by = {(r["peer"], r["table"], r["seed"]): r for r in rows}
    print(f"{'table':<22}{'seed':>5}" + "".join(f"{p:>12}" for p in peers))
    ranks: dict[str, list[float]] = {p: [] for p in peers}
    ranked_among = [p for p in peers if p != "networks"]
    for table, seed in keys:
        line = [by.get((p, table, seed), {}).get("score") for p in peers]
        print(
            f"{table:<22}{seed:>5}"
            + "".join(f"{'-' if v is None else f'{v:.5g}':>12}" for v in line)
        )
        here = {p: by[p, table, seed]["score"] for p in ranked_among if (p, table, seed) in by}
        if len(here) == len(ranked_among):
            for p, v in here.items():
                ranks[p].append(
                    1
                    + sum(o < v for o in here.values())
                    + 0.5 * (sum(o == v for o in here.values()) - 1)
                )
    print()
    best = {key: min(by[p, *key]["score"] for p in ranked_among if (p, *key) in by) for key in keys}
    for row in rows:
        room = row["constant"] - best[row["table"], row["seed"]]
        row["normalised"] = (row["constant"] - row["score"]) / room
    head = ("mean rank", "wins", "normalised", "seconds", "longest", "MB", "row ms", "frame row ms")
    print(f"{'peer':<12}" + "".join(f"{h:>14}" for h in head))
    for p in peers:
        mine = [r for r in rows if r["peer"] == p]

        def mean(name: str, scale: float = 1.0, of: list = mine, by=np.mean) -> str:
            values = [r[name] for r in of if r.get(name) is not None]
            return f"{by(values) * scale:.3g}" if values else "-"

        rank = f"{np.mean(ranks[p]):.2f}" if ranks[p] else "-"
        cells = (
            rank,
            str(sum(r == 1 for r in ranks[p])),
            mean("normalised"),
            mean("seconds"),
            mean("seconds", by=np.max),
            mean("bytes", 1e-6),
            mean("row_ms", by=np.median),
            mean("frame_row_ms", by=np.median),
        )
        print(f"{p:<12}" + "".join(f"{c:>14}" for c in cells))
    behind(by, keys)


def behind(by: dict, keys: list) -> None:
    """Where kerasnas is behind LightGBM by more than 5 % or by more than one standard error."""
    for key in keys:
        mine, other = by.get(("kerasnas", *key)), by.get(("lightgbm", *key))
        if mine is None or other is None or "error" not in mine:
            continue
        ratio = mine["score"] / other["score"] - 1
        errors = (mine["score"] - other["score"]) / mine["error"]
        if ratio > 0.05 or errors > 1:
            print(f"behind LightGBM on {key}: {ratio:.1%}, {errors:.1f} standard errors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the parquet files")
    parser.add_argument("--peers", default="histgb,lightgbm", help="comma-separated")
    parser.add_argument("--own", nargs="*", default=list(OWN), choices=OWN)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of each fit")
    parser.add_argument("--tables", nargs="*", default=list(TABLES))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--results", type=Path, default=Path("tabular.jsonl"))
    parser.add_argument("--environments", type=Path, default=Path.home() / ".cache/kerasnas-peers")
    parser.add_argument("--one", nargs=3, metavar=("PEER", "TABLE", "SEED"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments)
        return
    peers = [*arguments.own, *(p for p in arguments.peers.split(",") if p)]
    for seed in arguments.seeds:
        for table in arguments.tables:
            for peer in peers:
                done = load(arguments.results)
                key = (peer, table, seed, arguments.budget)
                if any((r["peer"], r["table"], r["seed"], r["budget"]) == key for r in done):
                    continue
                python = interpreter(peer, arguments.environments)
                command = [python, __file__, "--data", str(arguments.data)]
                command += ["--budget", str(arguments.budget), "--one", peer, table, str(seed)]
                answer = subprocess.run(command, capture_output=True, text=True)
                if answer.returncode:
                    print(f"{peer} on {table} failed:\n{answer.stderr[-2000:]}", file=sys.stderr)
                    continue
                with arguments.results.open("a") as file:
                    file.write(answer.stdout.strip().splitlines()[-1] + "\n")
    report(load(arguments.results), arguments.budget)


if __name__ == "__main__":
    main()
