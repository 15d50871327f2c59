"""Three inputs and two outputs on real data: a table, a text and a picture give a fare and a fate.

    python benchmarks/composition.py --data DIR [--budget 90] [--seed 0]

`DIR` holds `tabular/titanic.parquet`. A row is a passenger: the columns of the table, the name as a
text, and a picture of a handwritten digit (scikit-learn's) that shows how many relatives travelled
along, 9 for more; the columns with these numbers are taken out of the table. The answers are the
fare, a number, and the fate, a class. A fifth of the passengers is held out, and so are the
pictures that they get. The file is then opened by plain Keras in a process that cannot import
kerasnas, and answers from the raw data.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import kerasnas as kn

# Knows the raw data and Keras, nothing else.
PLAIN = r"""
import sys
sys.modules["kerasnas"] = None
import keras, numpy as np, pandas as pd, tensorflow as tf

path, raw, out = sys.argv[1:]
model = keras.models.load_model(path)
facts = pd.read_parquet(raw + "/facts.parquet")
names = pd.read_parquet(raw + "/names.parquet")["Name"]
columns = {"party": np.load(raw + "/pictures.npy"), "name": names.to_numpy(object)[:, None]}

def as_text(value):
    if pd.isna(value):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

for key, tensor in model.input.items():
    if key.startswith("facts."):
        column = facts[key.removeprefix("facts.")]
        if tensor.dtype == "string":
            columns[key] = np.array([as_text(v) for v in column], dtype=object)[:, None]
        else:
            columns[key] = column.to_numpy("float32", na_value=np.nan)[:, None]
inputs = {key: tf.constant(columns[key], dtype=t.dtype) for key, t in model.input.items()}
answers = model(inputs, training=False)
np.savez(out, **{name: np.asarray(value) for name, value in answers.items()})
"""


@dataclass(frozen=True)
class Passengers:
    """Some rows: raw inputs by name, and answers by name."""

    x: dict[str, Any]
    y: dict[str, Any]

    def __len__(self) -> int:
        return len(self.x["facts"])


def load(folder: Path, seed: int) -> tuple[Passengers, Passengers]:
    """Passengers to fit on, and those held out."""
    frame = pd.read_parquet(folder / "tabular" / "titanic.parquet")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(frame))
    digits = load_digits()
    shuffled = rng.permutation(len(digits.target))
    size = len(frame) // 5, len(shuffled) // 5
    parts = []
    for rows, pool in (
        (order[size[0] :], shuffled[size[1] :]),
        (order[: size[0]], shuffled[: size[1]]),
    ):
        part = frame.iloc[rows].reset_index(drop=True)
        relatives = (part["SibSp"] + part["Parch"]).clip(upper=9)
        pictures = [digits.images[rng.choice(pool[digits.target[pool] == n])] for n in relatives]
        parts.append(
            Passengers(
                {
                    "facts": part[["Pclass", "Sex", "Age", "Cabin", "Embarked"]],
                    "name": part["Name"],
                    "party": np.stack(pictures)[..., None].astype("uint8"),
                },
                {
                    "fare": part["Fare"].to_numpy("float64"),
                    "fate": np.where(part["Survived"] == 1, "survived", "died"),
                },
            )
        )
    return parts[0], parts[1]


def compose(budget: Any, seed: int, verbose: Any = 0) -> kn.AutoModel:
    """One network for both answers; what no argument settles is searched."""
    facts, name = kn.TabularInput(name="facts"), kn.TextInput(name="name")
    party = kn.ImageInput(name="party")
    z = kn.Merge()([kn.TabularBlock()(facts), kn.TextBlock()(name), kn.ImageBlock()(party)])
    return kn.AutoModel(
        inputs=[facts, name, party],
        outputs={"fare": kn.RegressionHead()(z), "fate": kn.ClassificationHead()(z)},
        budget=budget,
        seed=seed,
        verbose=verbose,
    )


def plain_answers(path: Path, passengers: Passengers, folder: Path) -> dict[str, np.ndarray]:
    """What the file says to raw data in a process that has no kerasnas."""
    passengers.x["facts"].to_parquet(folder / "facts.parquet")
    passengers.x["name"].to_frame("Name").to_parquet(folder / "names.parquet")
    np.save(folder / "pictures.npy", passengers.x["party"])
    out = folder / "answers.npz"
    command = [sys.executable, "-c", PLAIN, str(path), str(folder), str(out)]
    subprocess.run(command, check=True)
    with np.load(out) as answers:
        return dict(answers)


def file_gaps(auto: kn.AutoModel, passengers: Passengers, folder: Path) -> dict[str, float]:
    """Saves the model; for each answer the largest difference to that of the file in plain Keras.

    Fares relative to the largest fare, probabilities as they are.
    """
    auto.save(folder / "titanic.keras")
    plain = plain_answers(folder / "titanic.keras", passengers, folder)
    fare = auto.predict(passengers.x)["fare"]
    fate = auto.predict_proba(passengers.x)["fate"]
    return {
        "fare": float(np.abs(plain["fare"][:, 0] - fare).max() / np.abs(fare).max()),
        "fate": float(np.abs(plain["fate"] - fate).max()),
    }


def features(train: Passengers, test: Passengers) -> tuple[np.ndarray, np.ndarray]:
    """All three inputs as one matrix, for linear models."""

    def joined(passengers: Passengers) -> pd.DataFrame:
        pixels = passengers.x["party"].reshape(len(passengers), -1)
        frame = pd.DataFrame(pixels, columns=[f"pixel_{i}" for i in range(pixels.shape[1])])
        return pd.concat([passengers.x["facts"], passengers.x["name"], frame], axis=1)

    first = joined(train)
    numbers = ["Age", *(c for c in first if str(c).startswith("pixel_"))]
    matrix = make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
        (
            OneHotEncoder(handle_unknown="ignore", min_frequency=3),
            ["Pclass", "Sex", "Cabin", "Embarked"],
        ),
        (TfidfVectorizer(min_df=2, ngram_range=(1, 2)), "Name"),
        sparse_threshold=0,
    )
    return matrix.fit_transform(first), matrix.transform(joined(test))


def scores(passengers: Passengers, fare: np.ndarray, fate: np.ndarray) -> dict[str, float]:
    """Of fares, and of probabilities of `died` and `survived`."""
    labels = np.array(["died", "survived"])
    return {
        "fare_rmse": root_mean_squared_error(passengers.y["fare"], fare),
        "fare_mae": mean_absolute_error(passengers.y["fare"], fare),
        "fate_accuracy": accuracy_score(passengers.y["fate"], labels[fate.argmax(axis=1)]),
        "fate_log_loss": log_loss(passengers.y["fate"], fate, labels=list(labels)),
    }


def baselines(train: Passengers, test: Passengers) -> dict[str, dict[str, float]]:
    """The mean and the shares of the classes; linear models of all inputs."""
    x, x_test = features(train, test)
    pairs = {
        "mean / majority": (DummyRegressor(), DummyClassifier()),
        "linear": (RidgeCV(np.logspace(-1, 4, 16)), LogisticRegression(C=0.3, max_iter=2000)),
    }
    found = {}
    for name, (of_fare, of_fate) in pairs.items():
        fare = of_fare.fit(x, train.y["fare"]).predict(x_test)
        found[name] = scores(test, fare, of_fate.fit(x, train.y["fate"]).predict_proba(x_test))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--budget", type=float, default=90)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    train, test = load(arguments.data, arguments.seed)
    auto = compose(arguments.budget, arguments.seed)
    begin = time.perf_counter()
    auto.fit(train.x, train.y)
    spent = time.perf_counter() - begin
    table = auto.leaderboard(full=True)
    shown = ["trial_id", "kind", "val_loss", "val_fare_rmse", "val_fate_log_loss"]
    shown += ["val_fate_accuracy", "params", "latency_ms", "seconds", "failure"]
    print(table[shown].round(3).to_string(index=False))
    print("\nbest:", auto.best_hyperparameters)
    rows = baselines(train, test)
    answer = auto.predict(test.x)["fare"], auto.predict_proba(test.x)["fate"]
    rows["kerasnas"] = scores(test, *answer)
    with tempfile.TemporaryDirectory() as folder:
        gaps = file_gaps(auto, test, Path(folder))
    print(f"\n{len(train)} passengers to fit on, {len(test)} held out; fit took {spent:.1f} s\n")
    print(pd.DataFrame(rows).T.round(3).to_string())
    print("\nlargest difference of the file in plain Keras:", gaps)


if __name__ == "__main__":
    main()
