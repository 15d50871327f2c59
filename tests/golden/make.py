"""Makes the golden artifact anew: `python tests/golden/make.py`, in a folder of its own.

The files beside this script must load for ever. A new version of the format gets files of its own,
`tabular_classifier_2.keras` and so on; the old ones are never replaced.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import kerasnas as kn

ROWS = 12  # that are kept with their answers

SMALL = {"family": "mlp", "mlp_layers": 2, "mlp_width": 32, "learning_rate": 0.01}


def table(rows: int = 160) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers, texts with odd signs, dates, yes and no, and gaps."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=rows).round(3),
            "count": rng.integers(0, 9, rows),
            "kind": rng.choice(["red", "grün", "", "two\nlines", "NaN"], rows),
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 700, rows), "D"),
            "open": rng.random(rows) > 0.5,
        }
    )
    frame.loc[::11, "size"] = np.nan
    frame.loc[::13, "kind"] = None
    frame.loc[::17, "when"] = pd.NaT
    late = frame["when"] > pd.Timestamp("2021-01-01")
    return frame, np.where((frame["size"] > 0) ^ late, "yes", "no")


def main(folder: Path) -> None:
    frame, y = table()
    clf = kn.TabularClassifier(
        budget=kn.Budget(trials=2, epochs=60),
        space=("mlp", "linear"),
        initial=[SMALL, {"family": "linear"}],
        folds=False,
        ensemble=False,
        objective="val_accuracy",
        seed=0,
        verbose=0,
    ).fit(frame, y)
    rows = frame.iloc[:ROWS]
    columns = {
        name: [None if pd.isna(v) else v for v in rows[name].astype(object)]
        for name in rows.columns.drop("when")
    }
    columns["when"] = [None if pd.isna(v) else v.isoformat() for v in rows["when"]]
    clf.save(folder / "tabular_classifier.keras")
    content = {
        "rows": columns,
        "classes": clf.classes_.tolist(),
        "predict": clf.predict(rows).tolist(),
        "predict_proba": clf.predict_proba(rows).tolist(),
    }
    path = folder / "tabular_classifier.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
