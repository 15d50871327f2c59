"""From images of any kind to the task that trials train on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kerasnas.baselines import FEW_ROWS, Baselines, fit_baselines, picture_evidence, sampled
from kerasnas.clock import Clock, Purpose
from kerasnas.data import check_same_length
from kerasnas.data.fingerprint import fingerprint
from kerasnas.data.images import ImageReader
from kerasnas.data.multilabel import MultiLabelTarget
from kerasnas.data.pictures import Pictures, holds_targets, split_pictures, to_pictures
from kerasnas.data.stored import StoredRows
from kerasnas.estimators.image_forms import PictureForms
from kerasnas.estimators.preparation import read_rows
from kerasnas.estimators.task import Task
from kerasnas.preprocessing.images import ImageForm, statistics, thumbnails
from kerasnas.problem import AnswerScorer, Problem
from kerasnas.problem.given import Given
from kerasnas.problem.inputs import FittedPictures, Form, PictureInput
from kerasnas.problem.rows import Rows, fit_target
from kerasnas.spaces.cores import cores
from kerasnas.spaces.image import ImageHyperModel
from kerasnas.spaces.picture_backbones import SettledPretrained

_LADDER = (32, 48, 64, 96, 128, 160, 192, 224, 256, 320, 384)
_BEGINNING = 2**16  # bytes of a file
_NATIVE = 64  # arrays of at most this side are never resized
_FLIP_ROWS = 2_000
_FLIP_KEEPS = 0.85  # of what a linear model has learnt it must still know of mirrored images


def prepare_images(
    given: Given,
    clock: Clock,
    *,
    classify: bool,
    families: Sequence[str],
    pretrained: SettledPretrained,
    settings: Mapping[str, Any] | None = None,
    directory: Any = None,
) -> Task:
    """Checks everything that can be wrong with images, before any training.

    Args:
        given: What the user gives: images of any kind that `data.pictures.split_pictures` takes,
            and validation data that may hold their targets likewise.
        clock: The clock of the fit; its seconds set the sizes that are tried first.
        classify: Whether targets are classes.
        families: Families to search.
        pretrained: The pretrained backbones at hand.
        settings: Further arguments of `ImageHyperModel`.
        directory: Where a search may have begun, which goes on with the sizes that it has.
    """
    x, y = split_pictures(given.x, given.y, classes=classify)
    pictures = to_pictures(x)
    if y is not None:  # before files are opened
        check_same_length(range(len(pictures)), y)
    target = fit_target(y, classify=classify, multilabel=True)
    given = replace(given, x=pictures, y=y)
    if holds_targets(given.validation_data):
        given = replace(given, validation_data=(given.validation_data, None))
    one_label = classify and not isinstance(target, MultiLabelTarget)
    source = PictureInput()
    raw, rows = read_rows(source, given, target, partial(split_pictures, classes=one_label))
    fitted = source.fit(raw, rows.train)
    return image_task(
        fitted, rows, families, clock, settings or {}, raw.broken, pretrained, directory
    )


def pictures_fingerprint(pictures: Pictures) -> str:
    """A short digest of images. One file is in memory at a time: all beginnings can be too many."""
    return fingerprint(np.array([fingerprint(part) for part in contents(pictures)]))


def contents(pictures: Pictures) -> Iterator[np.ndarray]:
    """What tells images from others: all pixels of arrays, the beginning and the size of files."""
    if isinstance(pictures.items, np.ndarray):
        yield pictures.items
        return
    for item in pictures.items:
        if isinstance(item, np.ndarray):
            yield item
            continue
        content = item
        if isinstance(item, Path):
            with item.open("rb") as file:
                content = file.read(_BEGINNING) + str(item.stat().st_size).encode()
        yield np.frombuffer(content, dtype=np.uint8)


def image_task(
    fitted: FittedPictures,
    rows: Rows,
    families: Sequence[str],
    clock: Clock,
    settings: Mapping[str, Any],
    broken: Sequence[str],
    pretrained: SettledPretrained,
    directory: Any = None,
) -> Task:
    """The task of trials over checked images."""
    reader = fitted.reader
    backbones = {one.name: one for one in pretrained.backbones}
    forms = PictureForms(fitted, clock, backbones)
    sizes = sizes_for(reader)
    smallest = ImageForm(*sizes[0])
    thumb, stats = _looked_at(forms.form(smallest).data, rows.train)
    fits = ("stretch", "pad", "crop") if reader.free else ("stretch",)
    if directory is None and not forms.has_time:
        # The form that is there is better than no answer; a directory goes on with its own space.
        sizes, fits = sizes[:1], ("stretch",)
    hypermodel = ImageHyperModel(
        (*sizes[-1], reader.channels),
        rows.classes,
        multilabel=rows.multilabel,
        statistics=stats,
        pixel_range=(reader.low, reader.high),
        rows=len(rows.train),
        seconds=clock.seconds,
        cores=cores(),
        flip=mirrored_alike(thumb, rows),
        families=families,
        sizes=sizes,
        fits=fits,
        weights=pretrained.backbones,
        frozen=forms.frozen,
        **settings,
    )

    def form(hp: Any) -> Form:
        begins_with = hypermodel.trained_from(hp)
        if begins_with is not None:
            # A fine-tuning takes so long that it must not begin where there is no time.
            forms.check_training(backbones[begins_with.backbone], begins_with)
        return forms.form(hypermodel.form(hp))

    def baselines(scorer: AnswerScorer, clock: Clock, seed: int) -> Baselines:
        purpose = Purpose.FEATURE_BASELINE
        evidence = replace(picture_evidence(thumb, rows.train), front=forms.front(smallest))
        return fit_baselines(evidence, rows, scorer, clock, seed, purpose)

    return Task(
        problem=Problem(
            reader=reader,
            rows=rows,
            form=form,
            front=lambda hp: forms.front(hypermodel.form(hp)),
            raw=fitted.raw,
            broken=broken,
            contents=lambda: {
                "images": reader.describe(),
                "rows": [len(rows.train), len(rows.valid)],
                "folds": len(rows.folds),
                "data": fingerprint(pictures_fingerprint(fitted.raw), rows.targets, rows.weights),
                **({"backbones": list(backbones)} if "pretrained" in families else {}),
            },
        ),
        hypermodel=hypermodel,
        baselines=baselines,
        notes=(pretrained.note,) if pretrained.note else (),
    )


def _looked_at(pixels: Any, train: np.ndarray) -> tuple[np.ndarray, Any]:
    """Small pictures of all rows, and mean and variance of the channels of training rows."""
    if isinstance(pixels, StoredRows):
        pixels = pixels.array
    few = StoredRows(pixels, sampled(train, FEW_ROWS))
    return thumbnails(pixels), statistics(few)


def sizes_for(reader: ImageReader) -> list[tuple[int, int]]:
    """Sizes that images may be brought to, smallest first; their shape is kept."""
    height, width = reader.typical
    side = min(height, width)
    if not reader.free and max(height, width) <= _NATIVE:
        return [(height, width)]
    below = [s for s in _LADDER if s <= side] or [max(8, side)]
    found = {tuple(max(8, 4 * round(n * s / side / 4)) for n in (height, width)) for s in below}
    if not reader.free and side <= _LADDER[-1]:
        found.add((height, width))
    return sorted((int(h), int(w)) for h, w in found)


def mirrored_alike(thumb: np.ndarray, rows: Rows) -> bool:
    """Whether mirroring seems to keep the answers.

    A linear model that has never seen a mirrored image is asked about mirrored ones. If it still
    knows nearly all that it knows about the others, mirroring is tried first; where it knows
    little, or is misled, it is not.
    """
    train, valid = (part[:_FLIP_ROWS] for part in rows.parts[0])
    if rows.multilabel or len(train) < 50 or thumb.shape[2] < 2:
        return False
    targets = rows.targets.astype("float64")
    if rows.classes is not None:
        targets = np.eye(rows.classes)[rows.targets]
    targets = targets.reshape(len(targets), -1)
    x = thumb.reshape(len(thumb), -1)
    mean, spread = x[train].mean(axis=0), x[train].std() + 1e-6
    a = (x[train] - mean) / spread
    center = targets[train].mean(axis=0)
    # Ridge regression in its dual form or its own, whichever is smaller.
    ridge = 0.05 * float((a**2).sum(axis=1).mean())
    if len(train) < a.shape[1]:
        solved = np.linalg.solve(a @ a.T + ridge * np.eye(len(a)), targets[train] - center)
        weights = a.T @ solved
    else:
        gram = a.T @ a + ridge * np.eye(a.shape[1])
        weights = np.linalg.solve(gram, a.T @ (targets[train] - center))

    def skill(images: np.ndarray) -> float:
        answers = (images.reshape(len(images), -1) - mean) / spread @ weights + center
        truth = targets[valid]
        if rows.classes is None:
            error = ((answers - truth) ** 2).sum()
            return float(1 - error / max(((truth - center) ** 2).sum(), 1e-12))
        right = (answers.argmax(axis=1) == truth.argmax(axis=1)).mean()
        chance = float(truth.mean(axis=0).max())
        return float((right - chance) / max(1 - chance, 1e-12))

    plain, mirrored = skill(thumb[valid]), skill(thumb[valid][:, :, ::-1])
    return plain > 0.1 and mirrored > _FLIP_KEEPS * plain
