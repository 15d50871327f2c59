# %% [markdown]
# # Images, from a folder to a file in use
#
# The job: tell circles from squares and crosses in small pictures that lie in one folder a class,
# in different sizes, with one file damaged. This is what collections of pictures look like.

# %%
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
from PIL import Image, ImageDraw

import kerasnas as kn

rng = np.random.default_rng(3)
folder = Path(tempfile.mkdtemp())


def picture(kind: str) -> Image.Image:
    side = int(rng.integers(24, 40))
    image = Image.fromarray(rng.integers(0, 90, (side, side, 3)).astype("uint8"))
    draw, color = ImageDraw.Draw(image), tuple(int(c) for c in rng.integers(150, 255, 3))
    x, y = (int(n) for n in rng.integers(2, side - 18, 2))
    box = (x, y, x + 14, y + 14)
    if kind == "circle":
        draw.ellipse(box, outline=color, width=3)
    elif kind == "square":
        draw.rectangle(box, outline=color, width=3)
    else:
        draw.line(box, fill=color, width=3)
        draw.line((x, y + 14, x + 14, y), fill=color, width=3)
    return image


for kind in ("circle", "cross", "square"):
    (folder / kind).mkdir()
    for i in range(80):
        picture(kind).save(folder / kind / f"{i:03}.png")
(folder / "circle" / "damaged.png").write_bytes(b"half a download")

# %% [markdown]
# A folder with one folder a class is all that `fit` needs. The damaged file is named in a warning
# and left out. A short budget, to be quick: real searches get minutes.

# %%
clf = kn.ImageClassifier(
    budget=kn.Budget(trials=1, epochs=10),
    space="conv",
    initial=[{"conv_width": 8}],
    ensemble=False,
    seed=0,
    verbose=0,
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    clf.fit(folder)
print("left out:", clf.broken_)
print("the images:", clf.schema_.describe())
columns = ["rank", "trial_id", "kind", "val_log_loss", "val_accuracy", "params", "seconds"]
print(clf.leaderboard(full=True)[columns].to_string())

# %% [markdown]
# The saved file takes raw pixels of any size, and resizes them inside. Plain Keras opens it:
# kerasnas is not needed where the model is used.

# %%
clf.save("shapes.keras")
model = keras.models.load_model("shapes.keras")
print("takes", model.input.shape, model.input.dtype)
kinds = ["circle", "cross", "square"] * 20
new = [(kind, np.asarray(picture(kind))) for kind in kinds]
names = clf.classes_
right = [names[np.asarray(model(image[None]))[0].argmax()] == kind for kind, image in new]
print(f"{np.mean(right):.2f} of {len(new)} new pictures are named right")

# %% [markdown]
# `predict` does the same with lists, folders or frames, and answers with the names of the folders.

# %%
answers = clf.predict([image for _, image in new])
print(answers[:3])
assert np.mean(right) > 0.6
