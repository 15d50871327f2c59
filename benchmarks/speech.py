"""Strings of one to four spoken digits, as texts, by speakers that training has not heard.

    python benchmarks/speech.py --data FOLDER [--budget 30min] [--test theo yweweler]

FOLDER holds `audio/fsdd.npz` (free spoken digit dataset). Clips of one speaker are joined with
pauses of 30 to 200 ms. Word error rates of every decoder, accuracy on single digits, and what the
decoder that was chosen on validation rows (of one more speaker) says; then the file is opened with
plain Keras.
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

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


class Digits:
    """The clips by speaker.

    Args:
        folder: Where the data are.
        seed: Seed of what is joined.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        with np.load(folder / "audio" / "fsdd.npz", allow_pickle=False) as file:
            audio, ends = file["audio"], file["offsets"]
            self.clips = [audio[a:b] for a, b in pairwise(ends)]
            self.labels, self.speakers = file["labels"], file["speakers"]
        self.rng = np.random.default_rng(seed)

    def joined(self, speakers: list[str], count: int):
        """Strings of digits, their texts and their speakers."""
        sounds, texts, groups = [], [], []
        for _ in range(count):
            speaker = str(self.rng.choice(speakers))
            own = np.flatnonzero(self.speakers == speaker)
            picked = self.rng.choice(own, int(self.rng.integers(1, 5)))
            parts = []
            for i in picked:
                pause = np.zeros(int(self.rng.integers(240, 1600)), "int16")
                parts += [self.clips[int(i)], pause]
            sounds.append(np.concatenate(parts[:-1]))
            texts.append(" ".join(WORDS[self.labels[int(i)]] for i in picked))
            groups.append(speaker)
        return sounds, texts, groups

    def single(self, speakers: list[str]):
        """Every clip by itself."""
        rows = np.flatnonzero(np.isin(self.speakers, speakers))
        return [self.clips[int(i)] for i in rows], [WORDS[self.labels[int(i)]] for i in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--budget", default="30min")
    parser.add_argument("--test", nargs="+", default=["theo", "yweweler"])
    parser.add_argument("--strings", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    digits = Digits(arguments.data, arguments.seed)
    known = sorted(set(digits.speakers.tolist()) - set(arguments.test))
    sounds, texts, groups = digits.joined(known, arguments.strings)
    begin = time.perf_counter()
    recogniser = kn.SpeechRecognizer(
        sample_rate=8000, budget=arguments.budget, seed=arguments.seed, verbose=2
    )
    recogniser.fit(sounds, texts, groups=groups)
    print(f"fit {time.perf_counter() - begin:.0f} s; validation {recogniser.decoder_scores_}")
    table = recogniser.leaderboard(full=True)
    shown = ["trial_id", "kind", "status", "val_wer", "val_cer", "params", "latency_ms", "seconds"]
    print(table[shown].to_string(index=False))
    for name in [*arguments.test, "all"]:
        speakers = arguments.test if name == "all" else [name]
        heard, said, _ = digits.joined(speakers, 400)
        alone, words = digits.single(speakers)
        for decoder in ("greedy", "beam", "vocabulary"):
            rates = recogniser.evaluate(heard, said, decoder=decoder)
            right = recogniser.evaluate(alone, words, decoder=decoder)["text_accuracy"]
            chosen = " (chosen)" if decoder == recogniser.decoder_ else ""
            print(
                f"{name:10s} {decoder:10s} word error rate {rates['wer']:.4f}  of characters "
                f"{rates['cer']:.4f}  single digits right {right:.4f}{chosen}",
                flush=True,
            )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.keras"
        recogniser.save(path)
        model = keras.models.load_model(path)
        wave = (heard[0] / 32768).astype("float32")[None]
        gap = np.abs(model(wave) - recogniser.export_model()(wave)).max()
        model.export(str(Path(folder) / "saved"), verbose=False)
        print(f"plain Keras answers within {gap:.1g}; SavedModel written")


if __name__ == "__main__":
    main()
