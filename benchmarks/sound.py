"""Spoken digits: the official split, and every speaker held out in turn.

    python benchmarks/sound.py --data FOLDER [--budget 10min] [--speakers theo george] [--official]

FOLDER holds `audio/fsdd.npz` (free spoken digit dataset). For each run: accuracy of the model that
was chosen, beside a support vector machine over mean band energies and the most frequent answer;
then the file is opened with plain Keras and timed on one sound.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np

import kerasnas as kn


def load(folder: Path) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
    with np.load(folder / "audio" / "fsdd.npz", allow_pickle=False) as file:
        audio, ends = file["audio"], file["offsets"]
        clips = [audio[a:b] for a, b in pairwise(ends)]
        return clips, file["labels"], file["speakers"], file["split"] == "test"


def coarse(clip: np.ndarray) -> np.ndarray:
    """Log energies of 20 bands in 8 stretches of time, relative to their means."""
    wave = clip.astype("float64") / 32768
    starts = np.linspace(0, max(0, len(wave) - 256), 32).astype(int)
    frames = np.stack([np.resize(wave[s : s + 256], 256) for s in starts]) * np.hanning(256)
    power = np.log(np.abs(np.fft.rfft(frames)) ** 2 + 1e-4)[:, 1:101]
    bands = power.reshape(8, 4, 20, 5).mean(axis=(1, 3))
    return (bands - bands.mean()).reshape(-1)


def machine(clips, labels, train, test) -> float:
    from sklearn.svm import SVC

    x = np.stack([coarse(clip) for clip in clips])
    x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    return float(SVC(C=10, gamma="scale").fit(x[train], labels[train]).score(x[test], labels[test]))


def one_run(name: str, data, test: np.ndarray, arguments) -> float:
    clips, labels, speakers, _ = data
    train = ~test
    groups = speakers[train] if name != "official" else None
    begin = time.perf_counter()
    classifier = kn.AudioClassifier(
        sample_rate=8000,
        budget=arguments.budget,
        seed=arguments.seed,
        verbose=2 if arguments.verbose else 0,
    )
    classifier.fit([clips[i] for i in np.flatnonzero(train)], labels[train], groups=groups)
    seconds = time.perf_counter() - begin
    heard = [clips[i] for i in np.flatnonzero(test)]
    accuracy = float(np.mean(classifier.predict(heard) == labels[test]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.keras"
        classifier.save(path)
        model = keras.models.load_model(path)
        one = (heard[0] / 32768).astype("float32")[None]
        same = np.allclose(model(one), classifier.predict_proba(heard[:1]), atol=1e-5)
        times = []
        for _ in range(20):
            start = time.perf_counter()
            model(one, training=False)
            times.append(time.perf_counter() - start)
        model.export(str(Path(folder) / "saved"), verbose=False)
        exported = (Path(folder) / "saved" / "saved_model.pb").is_file()
    table = classifier.leaderboard(full=True)
    best = table[table["kind"] != "baseline"].iloc[0]
    other = machine(clips, labels, train, test)
    trials = int((table["kind"] == "trial").sum())
    print(
        f"{name:10s} accuracy {accuracy:.4f}  support vectors {other:.4f}  {seconds:.0f} s\n"
        f"           chosen: {best['trial_id']} of {trials} trials, validation accuracy "
        f"{best['val_accuracy']:.4f}; one sound {best['latency_ms']:.1f} ms traced, "
        f"{1e3 * np.median(times):.1f} ms eager; plain Keras "
        f"{'answers the same' if same else 'DIFFERS'}; SavedModel "
        f"{'written' if exported else 'MISSING'}",
        flush=True,
    )
    return accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--budget", default="10min")
    parser.add_argument("--speakers", nargs="*", help="all of them unless named")
    parser.add_argument("--official", action="store_true", help="the official split only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    data = load(arguments.data)
    if arguments.official or not arguments.speakers:
        one_run("official", data, data[3], arguments)
    if not arguments.official:
        held = arguments.speakers or sorted(set(data[2].tolist()))
        found = [one_run(name, data, data[2] == name, arguments) for name in held]
        print(f"mean over {len(held)} speakers held out: {np.mean(found):.4f}")


if __name__ == "__main__":
    main()
