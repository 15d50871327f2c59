"""Pretrained networks behind the inputs of a graph: what they make of all rows, made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnas.assembly import FrontGraph, named
from kerasnas.clock import Clock, Purpose
from kerasnas.data.images import ImageReader
from kerasnas.estimators.image_forms import PictureForms
from kerasnas.estimators.sound_forms import SoundForms
from kerasnas.estimators.text_forms import TextForms
from kerasnas.estimators.text_task import is_english
from kerasnas.preprocessing.texts.pieces import Pooled, usual_lengths
from kerasnas.problem.inputs import FittedDocuments, FittedPictures, FittedSounds, Form
from kerasnas.spaces.backbones import SettledEncoder
from kerasnas.spaces.backbones.family import front_sizes, rows_at_once
from kerasnas.spaces.cores import cores
from kerasnas.spaces.picture_backbones import SettledPretrained
from kerasnas.spaces.picture_backbones.family import PretrainedFamily
from kerasnas.spaces.sound_backbones import FrozenSpeech, SettledSpeech
from kerasnas.spaces.weights.speech_embedding import SpeechVectors

OWN, PRETRAINED = "own", "pretrained"
"""The forms of an input: for networks that begin with random weights, and for a backbone."""

_TOGETHER = 512  # rows that are looked at together
_MOST_ROWS = 256  # pictures or sounds that are answered at once


@dataclass(frozen=True, eq=False, kw_only=True)
class PlacedBackbone:
    """A pretrained network behind an input, which stays as it is.

    Attributes:
        name: What the network is called.
        form: Makes all rows in the form that the network gives, and keeps them.
        front: The graph from raw data to that form.
        sizes: What the network adds to the counts of what stands behind it.
        note: One line for the user, or nothing.
        rows_at_once: Most rows of one call.
    """

    name: str
    form: Callable[[], Form]
    front: FrontGraph
    sizes: Mapping[str, float]
    note: str = ""
    rows_at_once: int = _MOST_ROWS

    @property
    def example(self) -> Any:
        """One row of zeros in the form."""
        return keras.tree.map_structure(
            lambda t: np.zeros((1, *t.shape[1:]), t.dtype), self.front.model.output
        )


def behind_pictures(
    fitted: FittedPictures, settled: SettledPretrained, clock: Clock, size: tuple[int, int] | None
) -> PlacedBackbone | str:
    """The first backbone at hand behind pictures; what to say where there is none.

    Args:
        fitted: All pictures.
        settled: The backbones at hand.
        clock: The clock of the fit.
        size: Height and width that networks see, where the user says so.
    """
    if not settled.backbones:
        return settled.note
    backbone, reader = settled.backbones[0], fitted.reader
    forms = PictureForms(fitted, clock, {backbone.name: backbone}, fine_tunes=False)
    family = PretrainedFamily(
        [backbone],
        native=size or _whole(reader),
        channels=reader.channels,
        pixel_range=(reader.low, reader.high),
        rows=len(fitted.train),
        seconds=clock.seconds,
        cores=cores(),
        frozen=forms.frozen,
    )
    key = family.features(backbone, family.affordable(backbone), 0.0, "stretch")
    return PlacedBackbone(
        name=backbone.name,
        form=lambda: forms.form(key),
        front=forms.front(key),
        sizes=family.front_sizes(key),
        note=settled.note,
    )


def behind_texts(
    fitted: FittedDocuments, settled: SettledEncoder, clock: Clock
) -> PlacedBackbone | str:
    """The encoder at hand behind texts; what to say where there is none that reads them.

    Args:
        fitted: All texts.
        settled: The encoder at hand.
        clock: The clock of the fit.
    """
    backbone, columns = settled.backbone, fitted.learnt
    texts = np.concatenate([*columns.values()])
    if backbone is None:
        return settled.note
    if not settled.asked and not is_english(texts):
        return ""
    clock.keep(Purpose.BACKBONE_FILE)
    forms = TextForms(fitted, clock, backbone)
    length = usual_lengths(backbone.rules, texts, backbone.length)[0]
    key = Pooled(length, "layers")
    return PlacedBackbone(
        name=backbone.name,
        form=lambda: forms.form(key),
        front=FrontGraph.of(forms.front(key).model),
        sizes=front_sizes(backbone, len(columns), length),
        note=settled.note,
        rows_at_once=rows_at_once(backbone, length),
    )


def behind_sounds(
    fitted: FittedSounds, settled: SettledSpeech, clock: Clock
) -> PlacedBackbone | str:
    """The network of speech at hand behind sounds; what to say where there is none.

    Args:
        fitted: All sounds.
        settled: The network at hand.
        clock: The clock of the fit.
    """
    if settled.tensors is None:
        return settled.note
    forms, key = SoundForms(fitted, clock, settled.tensors), SpeechVectors(settled.name)
    frozen = FrozenSpeech.of(settled.name, forms.network)
    return PlacedBackbone(
        name=settled.name,
        form=lambda: forms.form(key),
        front=forms.front(key),
        sizes={"params": frozen.params, "flops": frozen.flops},
        note=settled.note,
    )


def where_there(own: Form, seen: PlacedBackbone) -> PlacedBackbone:
    """A backbone that gives zeros for rows that have no picture or no sound.

    Args:
        own: The own form of the input, in which such a row is zeros.
        seen: The backbone.
    """
    assert isinstance(own.front, FrontGraph), "an input has one front"
    raw = _again(own.front.model.input)
    there = _there(named(own.front.model, OWN)(raw))
    made = ops.where(there, named(seen.front.model, PRETRAINED)(raw), 0.0)
    front = replace(seen.front, model=keras.Model(raw, made, name="kerasnas_preprocessing"))

    def form() -> Form:
        vectors = seen.form()
        parts = [
            np.asarray(_there(own.data[start : start + _TOGETHER]))
            for start in range(0, len(own.data), _TOGETHER)
        ]
        data = np.where(np.concatenate(parts), vectors.data[:], np.float32(0.0))
        return replace(vectors, data=data, front=front)

    return replace(seen, form=form, front=front)


def _there(x: Any) -> Any:
    axes = tuple(range(1, len(x.shape)))
    return ops.any(ops.not_equal(x, 0.0), axis=axes)[:, None]


def side_by_side(own: Form, seen: Form) -> Form:
    """Both forms of an input, for a graph with a block on each.

    Args:
        own: The own form.
        seen: What the backbone makes.
    """
    assert isinstance(own.front, FrontGraph) and isinstance(seen.front, FrontGraph)
    raw = _again(own.front.model.input)
    fronts = {OWN: own.front.model, PRETRAINED: seen.front.model}
    made = {name: named(model, f"{name}_front")(raw) for name, model in fronts.items()}
    model = keras.Model(raw, made, name="kerasnas_preprocessing")
    front = replace(own.front, model=model)
    return Form({OWN: own.data, PRETRAINED: seen.data}, front, own.ragged, own.facts)


def _again(entry: Any) -> Any:
    """Keras inputs like those of another model."""
    return keras.tree.map_structure(
        lambda t: keras.Input(t.shape[1:], dtype=t.dtype, name=t.name), entry
    )


def _whole(reader: ImageReader) -> tuple[int, int]:
    height, width = reader.typical
    return int(height), int(width)
