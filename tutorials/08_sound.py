# %% [markdown]
# # Sounds: from clips to a file that takes waveforms
#
# The question decides how to split. Here five "singers" sing two motifs, one that rises and one
# that falls, each with a voice of their own. What we want is a model that knows the motifs of a
# singer whom it has never heard.

# %%
import tempfile
from pathlib import Path

import keras
import numpy as np
from scipy.io import wavfile

import kerasnas as kn

RATE = 8000
rng = np.random.default_rng(0)


def sing(motif, voice):
    """One clip: three tones, their overtones as strong as the voice has them, some noise."""
    steps = [1.0, 1.25, 1.5] if motif == "rising" else [1.5, 1.25, 1.0]
    parts = []
    for step in steps:
        time = np.arange(int(RATE * rng.uniform(0.08, 0.16))) / RATE
        pitch = voice["pitch"] * step * rng.uniform(0.97, 1.03)
        tones = [
            a * np.sin(2 * np.pi * pitch * (k + 1) * time) for k, a in enumerate(voice["body"])
        ]
        parts.append(np.sum(tones, axis=0) * np.hanning(len(time)))
    clip = np.concatenate(parts)
    return (0.3 * clip / np.abs(clip).max() + 0.01 * rng.standard_normal(len(clip))).astype(
        "float32"
    )


singers = {
    name: {"pitch": rng.uniform(180, 420), "body": rng.uniform(0.2, 1.0, 4)}
    for name in ("ada", "ben", "cleo", "dan", "eve")
}
motifs = np.array(["rising", "falling"] * 60)
names = np.repeat(list(singers), 24)
clips = [sing(motif, singers[name]) for motif, name in zip(motifs, names, strict=True)]

# %% [markdown]
# One singer stays out for the end. The others go in with `groups=`, so that the search validates on
# a singer who is not in the training rows. One small trial, so that this runs in seconds; in real
# use give it minutes: `budget="10min"`, and all families.

# %%
test = names == "eve"
train = [clip for clip, out in zip(clips, test, strict=True) if not out]
classifier = kn.AudioClassifier(
    sample_rate=RATE,
    budget=kn.Budget(trials=1, epochs=14),
    space=("separable",),
    initial=[{"separable_width": 32, "separable_blocks": 2, "batch_size": 16}],
    seed=0,
    verbose=0,
)
classifier.fit(train, motifs[~test], groups=names[~test])
print(
    classifier.leaderboard(full=True)[
        ["trial_id", "kind", "val_log_loss", "val_accuracy", "latency_ms"]
    ]
)

# %% [markdown]
# New sounds may be arrays or files, of other rates too: they are resampled.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "eve.wav"
    wavfile.write(path, 2 * RATE, np.repeat(sing("rising", singers["eve"]), 2))
    print("from a file of another rate:", classifier.predict([path]))

# %% [markdown]
# The saved file takes waveforms in plain Keras: float32 in [-1, 1], any length. Zeros at the end
# are padding, so clips of different lengths go into one batch.

# %%
heard = [clip for clip, out in zip(clips, test, strict=True) if out]
batch = np.zeros((len(heard), max(map(len, heard))), "float32")
for row, clip in zip(batch, heard, strict=True):
    row[: len(clip)] = clip
with tempfile.TemporaryDirectory() as folder:
    classifier.save(Path(folder) / "motifs.keras")
    model = keras.models.load_model(Path(folder) / "motifs.keras")
answers = model.predict(batch, verbose=0)
accuracy = float(np.mean(classifier.classes_[answers.argmax(axis=1)] == motifs[test]))
print(f"a singer never heard: {accuracy:.2f}")

# %%
assert np.allclose(answers, classifier.predict_proba(heard), atol=1e-5)
assert accuracy > 0.8
