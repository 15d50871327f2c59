"""What a user does first, in an installed package: fit, save, load, and plain Keras."""

import subprocess
import sys
from pathlib import Path

from sklearn.datasets import load_iris

import kerasnas as kn

assert "site-packages" in kn.__file__, kn.__file__
x, y = load_iris(return_X_y=True, as_frame=True)
quick = {"budget": kn.Budget(trials=1), "space": "linear", "folds": False, "seed": 0, "verbose": 0}
clf = kn.TabularClassifier(**quick).fit(x, y)
assert clf.score(x, y) > 0.9
clf.save("smoke.keras")
assert (kn.load("smoke.keras").predict(x) == clf.predict(x)).all()
clf.report("smoke.html")

import keras  # noqa: E402

model = keras.models.load_model("smoke.keras")
answers = model.predict({name: x[[name]].to_numpy() for name in x}, verbose=0)
assert abs(answers - clf.predict_proba(x)).max() < 1e-5
command = Path(sys.executable).parent / "kerasnas"
told = subprocess.run([command, "leaderboard", "smoke.keras"], capture_output=True, text=True)
assert told.returncode == 0 and "0000 linear" in told.stdout, told.stderr
